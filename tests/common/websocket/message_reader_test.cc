#include "common/websocket/message_reader.h"

#include <string>

#include "common/websocket/close_code.h"
#include "tests/common/websocket/bytes_of.h"
#include "tests/support/catch.h"

namespace hubgate::websocket {
namespace {

using test::bytes_of;
using test::frame;
using test::joined;
using test::Stream;

std::string read_all(Role role, const Stream& stream, std::size_t first, std::size_t chunk,
                     std::size_t max_message = 1000) {
  MessageReader reader(role, max_message);
  std::string said;
  test::feed(stream, first, chunk, [&](MutableBytes input) -> std::size_t {
    std::size_t taken = 0;
    for (;;) {
      const MessageStep step = reader.read(input.subspan(taken));
      taken += step.taken;
      const std::string payload(as_text(step.payload));
      switch (step.event) {
        case MessageEvent::kNeedMore: return taken;
        case MessageEvent::kMessage:
          said += (step.opcode == Opcode::kText ? "text:" : "binary:") + payload + "|";
          break;
        case MessageEvent::kPing: said += "ping:" + payload + "|"; break;
        case MessageEvent::kPong: said += "pong:" + payload + "|"; break;
        case MessageEvent::kClose:
          said += "close " + std::to_string(step.close_code) + ":" + payload;
          return std::string::npos;
        case MessageEvent::kError: said += "error " + std::to_string(step.close_code); return std::string::npos;
      }
    }
  });
  return said;
}

std::string read_all(const Stream& stream, std::size_t max_message = 1000) {
  return read_all(Role::kServer, stream, stream.size(), 1, max_message);
}

TEST_CASE("messages come out the same wherever the stream is cut", "[websocket]") {
  const Role reader = GENERATE(Role::kServer, Role::kClient);
  const Role writer = reader == Role::kServer ? Role::kClient : Role::kServer;
  const Stream stream =
      joined({frame(writer, Opcode::kText, "gr\xC3\xBC\xC3\x9F"), frame(writer, Opcode::kText, "\xE2\x82", false),
              frame(writer, Opcode::kPing, "?"), frame(writer, Opcode::kContinuation, "", false),
              frame(writer, Opcode::kContinuation, "\xAC"), frame(writer, Opcode::kBinary, "\xFF\xFE"),
              frame(writer, Opcode::kPong, ""),
              frame(writer, Opcode::kClose,
                    "\x03\xE9"
                    "bye")});
  const std::string expected = "text:gr\xC3\xBC\xC3\x9F|ping:?|text:\xE2\x82\xAC|binary:\xFF\xFE|pong:|close 1001:bye";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(read_all(reader, stream, cut, stream.size()) == expected);
  }
  CHECK(read_all(reader, stream, 1, 1) == expected);
}

TEST_CASE("a message that lies in the input whole is a view into it", "[websocket]") {
  MessageReader reader(Role::kServer, 1000);
  Stream stream = frame(Role::kClient, Opcode::kText, "hello");
  const MessageStep step = reader.read(stream);
  CHECK(step.event == MessageEvent::kMessage);
  CHECK(step.payload.data() == stream.data() + 6);
}

TEST_CASE("a message above the limit is refused with 1009 as soon as it is known", "[websocket]") {
  CHECK(read_all(frame(Role::kClient, Opcode::kBinary, std::string(10, 'x')), 10) ==
        "binary:" + std::string(10, 'x') + "|");
  CHECK(read_all(frame(Role::kClient, Opcode::kBinary, std::string(11, 'x')), 10) == "error 1009");
  const Stream pieces = joined(
      {frame(Role::kClient, Opcode::kBinary, "12345678", false), frame(Role::kClient, Opcode::kContinuation, "9ab")});
  CHECK(read_all(Role::kServer, pieces, 1, 1, 10) == "error 1009");
}

TEST_CASE("text that is no UTF-8 is refused with 1007, binary is not judged", "[websocket]") {
  CHECK(read_all(frame(Role::kClient, Opcode::kText, "a\xFF")) == "error 1007");
  CHECK(read_all(frame(Role::kClient, Opcode::kText, "\xE2\x82")) == "error 1007");
  CHECK(read_all(frame(Role::kClient, Opcode::kBinary, "\xE2\x82")) == "binary:\xE2\x82|");
}

TEST_CASE("a close frame's payload is judged", "[websocket]") {
  const auto closing = [](std::initializer_list<int> payload) {
    const Stream bytes = bytes_of(payload);
    return read_all(frame(Role::kClient, Opcode::kClose, as_text(bytes)));
  };
  CHECK(closing({}) == "close 1005:");
  CHECK(closing({0x03, 0xE8}) == "close 1000:");
  CHECK(closing({0x0F, 0xA0, 'x'}) == "close 4000:x");
  CHECK(closing({0x03}) == "error 1002");
  CHECK(closing({0x03, 0xED}) == "error 1002");  // 1005
  CHECK(closing({0x03, 0xE7}) == "error 1002");  // 999
  CHECK(closing({0x13, 0x88}) == "error 1002");  // 5000
  CHECK(closing({0x03, 0xE8, 0xFF}) == "error 1007");
}

TEST_CASE("what a server writes a client reads, and the reverse", "[websocket]") {
  CHECK(read_all(Role::kClient, frame(Role::kServer, Opcode::kText, "x"), 1, 1) == "text:x|");
  CHECK(read_all(Role::kServer, frame(Role::kServer, Opcode::kText, "x"), 1, 1) == "error 1002");
  Stream close;
  test::append(close, make_close_frame(close_code::kNormal, std::string(200, 'r')).bytes());
  CHECK(close.size() == 2 + 125);
  CHECK(read_all(Role::kClient, close, 1, 1) == "close 1000:" + std::string(123, 'r'));
  close.clear();
  test::append(close, make_masked_close_frame(close_code::kNoStatus, test::kMask).bytes());
  CHECK(read_all(Role::kServer, close, 1, 1) == "close 1005:");
}

}  // namespace
}  // namespace hubgate::websocket
