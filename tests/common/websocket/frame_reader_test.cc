#include "common/websocket/frame_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/websocket/close_code.h"
#include "tests/common/websocket/bytes_of.h"
#include "tests/support/catch.h"

namespace hubgate::websocket {
namespace {

using test::bytes_of;
using test::frame;
using test::joined;
using test::Stream;

/// What a stream says: "text:abc|", "binary:…|", "ping:…|" or "error 1002".
std::string read_all(Role reader_role, const Stream& stream, std::size_t first, std::size_t chunk) {
  FrameReader reader(reader_role);
  std::string said;
  bool open = false;
  test::feed(stream, first, chunk, [&](MutableBytes input) -> std::size_t {
    std::size_t taken = 0;
    for (;;) {
      const FrameStep step = reader.read(input.subspan(taken));
      taken += step.taken;
      switch (step.event) {
        case FrameEvent::kNeedMore: return taken;
        case FrameEvent::kError: said += "error " + std::to_string(step.close_code); return std::string::npos;
        case FrameEvent::kControl:
          // Between the pieces of a message: shown apart, so that the order of pieces does not matter.
          said = "control" + std::to_string(static_cast<int>(step.opcode)) + ":" + std::string(as_text(step.payload)) +
                 "|" + said;
          break;
        case FrameEvent::kData:
          if (!open) said += step.opcode == Opcode::kText ? "text:" : "binary:";
          open = !step.message_ended;
          said += as_text(step.payload);
          if (step.message_ended) said += "|";
          break;
      }
    }
  });
  return said;
}

std::string read_all(Role reader, const Stream& stream) { return read_all(reader, stream, stream.size(), 1); }

constexpr Role other(Role role) { return role == Role::kServer ? Role::kClient : Role::kServer; }

TEST_CASE("frames come out the same wherever the stream is cut", "[websocket]") {
  const Role reader = GENERATE(Role::kServer, Role::kClient);
  const Role writer = other(reader);
  const Stream stream =
      joined({frame(writer, Opcode::kText, "{\"type\":6}\x1e"), frame(writer, Opcode::kBinary, ""),
              frame(writer, Opcode::kText, "one ", false), frame(writer, Opcode::kPing, "p"),
              frame(writer, Opcode::kContinuation, "two ", false), frame(writer, Opcode::kContinuation, "three"),
              frame(writer, Opcode::kBinary, std::string(126, 'b')),
              frame(writer, Opcode::kBinary, std::string(300, 'c')), frame(writer, Opcode::kClose, "\x03\xe8")});
  const std::string expected = read_all(reader, stream);
  CHECK(expected == "control8:\x03\xe8|control9:p|text:{\"type\":6}\x1e|binary:|text:one two three|binary:" +
                        std::string(126, 'b') + "|binary:" + std::string(300, 'c') + "|");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(read_all(reader, stream, cut, stream.size()) == expected);
  }
  for (const std::size_t chunk : {1U, 2U, 7U, 31U}) {
    CAPTURE(chunk);
    CHECK(read_all(reader, stream, chunk, chunk) == expected);
  }
}

TEST_CASE("each form of a length is written and read", "[websocket]") {
  const std::size_t length = GENERATE(0U, 1U, 125U, 126U, 127U, 65535U, 65536U, 70000U);
  const Role reader = GENERATE(Role::kServer, Role::kClient);
  CAPTURE(length);
  std::string payload(length, 'x');
  for (std::size_t i = 0; i < length; ++i) payload[i] = static_cast<char>('a' + i % 23);
  const Stream stream = frame(other(reader), Opcode::kBinary, payload);
  const std::size_t header = length <= 125 ? 2 : length <= 65535 ? 4 : 10;
  CHECK(stream.size() == header + (reader == Role::kServer ? 4 : 0) + length);
  CHECK(read_all(reader, stream) == "binary:" + payload + "|");
}

TEST_CASE("a broken frame is refused with 1002 wherever the stream is cut", "[websocket]") {
  struct Row {
    const char* what;
    Stream bytes;
  };
  const Row row = GENERATE(
      Row{"not masked", bytes_of({0x81, 0x01, 'x'})}, Row{"RSV1", bytes_of({0xC1, 0x80, 0, 0, 0, 0})},
      Row{"RSV2", bytes_of({0xA1, 0x80, 0, 0, 0, 0})}, Row{"RSV3", bytes_of({0x91, 0x80, 0, 0, 0, 0})},
      Row{"opcode 3", bytes_of({0x83, 0x80, 0, 0, 0, 0})}, Row{"opcode 7", bytes_of({0x87, 0x80, 0, 0, 0, 0})},
      Row{"opcode 11", bytes_of({0x8B, 0x80, 0, 0, 0, 0})}, Row{"opcode 15", bytes_of({0x8F, 0x80, 0, 0, 0, 0})},
      Row{"a ping of 126 bytes", bytes_of({0x89, 0xFE, 0, 126, 0, 0, 0, 0})},
      Row{"a close in 64 bits", bytes_of({0x88, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0})},
      Row{"a fragmented ping", bytes_of({0x09, 0x80, 0, 0, 0, 0})},
      Row{"a stray continuation", bytes_of({0x80, 0x80, 0, 0, 0, 0})},
      Row{"125 in 16 bits", bytes_of({0x81, 0xFE, 0, 125, 0, 0, 0, 0})},
      Row{"65535 in 64 bits", bytes_of({0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0})},
      Row{"64 bits with the highest set", bytes_of({0x81, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})});
  CAPTURE(row.what);
  for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
    CHECK(read_all(Role::kServer, row.bytes, cut, 1) == "error 1002");
  }
}

TEST_CASE("a new data frame inside a fragmented message is refused", "[websocket]") {
  const Stream stream =
      joined({frame(Role::kClient, Opcode::kText, "a", false), frame(Role::kClient, Opcode::kText, "b")});
  CHECK(read_all(Role::kServer, stream) == "text:aerror 1002");
}

TEST_CASE("a client refuses masked frames", "[websocket]") {
  CHECK(read_all(Role::kClient, frame(Role::kClient, Opcode::kText, "x")) == "error 1002");
}

TEST_CASE("after an error a frame reader says the same again", "[websocket]") {
  FrameReader reader(Role::kServer);
  Stream bad = bytes_of({0x81, 0x01, 'x'});
  CHECK(reader.read(bad).event == FrameEvent::kError);
  Stream good = frame(Role::kClient, Opcode::kText, "x");
  const FrameStep step = reader.read(good);
  CHECK(step.event == FrameEvent::kError);
  CHECK(step.close_code == close_code::kProtocolError);
}

TEST_CASE("a frame reader knows when it is between messages", "[websocket]") {
  FrameReader reader(Role::kServer);
  CHECK(reader.is_at_edge());
  Stream first = frame(Role::kClient, Opcode::kText, "abc", false);
  CHECK(reader.read(MutableBytes(first).first(8)).event == FrameEvent::kData);
  CHECK_FALSE(reader.is_at_edge());
  CHECK(reader.read(MutableBytes(first).subspan(8)).frame_ended);
  CHECK_FALSE(reader.is_at_edge());
  Stream last = frame(Role::kClient, Opcode::kContinuation, "");
  CHECK(reader.read(last).message_ended);
  CHECK(reader.is_at_edge());
  CHECK(reader.frames() == 2);
}

}  // namespace
}  // namespace hubgate::websocket
