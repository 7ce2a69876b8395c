#include "hub/connections/websocket_transport.h"

#include <array>
#include <string>

#include "common/websocket/close_code.h"
#include "hub/protocol/serialized_hub_message.h"
#include "tests/hub/connections/transport_fixture.h"
#include "tests/support/catch.h"

namespace hubgate::hub {
namespace {

using test::close_frame;
using test::frame;
using test::text_frame;
using test::TransportFixture;
using websocket::Opcode;

TEST_CASE("frames of any kind and cut are one byte stream", "[hub][connections]") {
  const std::string stream = text_frame("one\x1e") + frame(Opcode::kBinary, "two", false) + frame(Opcode::kPing, "p") +
                             frame(Opcode::kContinuation, "\x1e") + text_frame("") +
                             text_frame("gr\xC3\xBC\xC3\x9F\x1e");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    TransportFixture fixture;
    fixture.send(stream.substr(0, cut));
    fixture.run();
    fixture.send(stream.substr(cut));
    fixture.run();
    REQUIRE(fixture.owner.input == "one\x1etwo\x1egr\xC3\xBC\xC3\x9F\x1e");
    REQUIRE(fixture.receive_said() == "pong:p|");
  }
}

TEST_CASE("input that is not taken is shown again in front of more", "[hub][connections]") {
  TransportFixture fixture;
  fixture.owner.take = [](std::string_view shown) { return shown.rfind('\x1e') + 1; };
  for (const char* part : {"ab",
                           "c\x1e"
                           "de",
                           "f", "\x1e"}) {
    fixture.send(text_frame(part));
    fixture.run();
  }
  CHECK(fixture.owner.shown == std::vector<std::string>{"ab",
                                                        "abc\x1e"
                                                        "de",
                                                        "def", "def\x1e"});
  CHECK(fixture.owner.input ==
        "abc\x1e"
        "def\x1e");
}

TEST_CASE("while reading is paused nothing is shown, and afterwards nothing is missing", "[hub][connections]") {
  TransportFixture fixture;
  fixture.owner.take = [&](std::string_view) -> std::size_t {
    fixture.transport->pause_reading();
    return 1;
  };
  fixture.send(text_frame("abc") + text_frame("def"));
  fixture.run();
  fixture.send(text_frame("ghi"));
  fixture.run();
  CHECK(fixture.owner.shown == std::vector<std::string>{"abc"});
  fixture.owner.take = nullptr;
  fixture.transport->resume_reading();
  CHECK(fixture.owner.shown.size() == 1);  // never out of resume_reading itself
  fixture.run();
  CHECK(fixture.owner.input == "abcdefghi");
}

TEST_CASE("what was received before the end is shown before it, also after a pause", "[hub][connections]") {
  TransportFixture fixture;
  fixture.owner.take = [&](std::string_view) -> std::size_t {
    fixture.transport->pause_reading();
    return 1;
  };
  fixture.send(text_frame("abc") + text_frame("def"));
  fixture.run();
  fixture.owner.take = nullptr;
  SECTION("a Close frame that came meanwhile") {
    fixture.send(close_frame(1000));
    fixture.transport->resume_reading();
    fixture.loop.turn(false);  // the socket is heard before the owner is attended to
    fixture.run();
    CHECK(fixture.owner.ends == std::vector<std::string>{"closed"});
  }
  SECTION("a FIN that came meanwhile") {
    ::shutdown(fixture.client(), SHUT_WR);
    fixture.transport->resume_reading();
    fixture.loop.turn(false);
    fixture.run();
    CHECK(fixture.owner.ends == std::vector<std::string>{"lost"});
  }
  SECTION("a connection that breaks while it is paused") {
    fixture.sockets->b.reset();
    fixture.transport->write(Payload("x"));
    fixture.run();
    CHECK(fixture.owner.ends == std::vector<std::string>{"lost"});
  }
  CHECK(fixture.owner.input == "abcdef");
}

TEST_CASE("an owner that pauses again keeps a Close waiting", "[hub][connections]") {
  TransportFixture fixture;
  fixture.owner.take = [&](std::string_view) -> std::size_t {
    fixture.transport->pause_reading();
    return 1;
  };
  fixture.send(text_frame("abc") + close_frame(1000));
  for (int i = 1; i <= 3; ++i) {
    CHECK(fixture.owner.ends.empty());
    fixture.run();
    CHECK(fixture.owner.input == std::string("abc").substr(0, static_cast<std::size_t>(i)));
    fixture.transport->resume_reading();
  }
  fixture.run();
  CHECK(fixture.owner.ends == std::vector<std::string>{"closed"});
}

TEST_CASE("a slow client's calls that were read are shown before its end", "[hub][connections]") {
  TransportLimits limits;
  limits.max_pending_bytes = 10'000;
  TransportFixture fixture(limits);
  fixture.owner.take = [&](std::string_view) -> std::size_t {
    fixture.transport->pause_reading();
    return 0;
  };
  fixture.send(text_frame("abc") + text_frame("def"));
  fixture.run();
  fixture.owner.take = nullptr;
  while (fixture.owner.ends.empty() && fixture.transport->unsent() < 1'000'000) {
    fixture.transport->write(Payload(std::string(100'000, 'x')));
    fixture.run();
  }
  CHECK(fixture.owner.ends == std::vector<std::string>{"slow_consumer"});
  CHECK(fixture.owner.input == "abcdef");
}

TEST_CASE("a message for many is framed once and shared", "[hub][connections]") {
  TransportFixture one;
  TransportFixture other;
  const EncodedMessage message{Payload("{\"type\":6}\x1e")};
  one.transport->write(message);
  const Payload framed = message.transport_forms[0];
  other.transport->write(message);
  CHECK(message.transport_forms[0].shares_with(framed));
  one.run();
  other.run();
  CHECK(one.receive_said() == "text:{\"type\":6}\x1e|");
  CHECK(other.receive_said() == "text:{\"type\":6}\x1e|");
}

TEST_CASE("the transfer format names the frames", "[hub][connections]") {
  TransportFixture fixture;
  fixture.transport->write(Payload("a"));
  CHECK(fixture.transport->set_transfer_format(TransferFormat::kBinary));
  fixture.transport->write(Payload("b"));
  fixture.run();
  CHECK(fixture.receive_said() == "text:a|binary:b|");
}

TEST_CASE("a client's close is answered with 1000 at once, whatever its code", "[hub][connections]") {
  const std::uint16_t code = GENERATE(as<std::uint16_t>{}, 1000, 1001, 4000, 1005);
  TransportFixture fixture;
  fixture.send(text_frame("last") + close_frame(code) + text_frame("behind"));
  fixture.run();
  CHECK(fixture.owner.input == "last");
  CHECK(fixture.owner.ends == std::vector<std::string>{"closed"});
  CHECK(fixture.owner.error.empty());
  CHECK(fixture.receive_said() == "close 1000");
  CHECK(hubgate::test::is_at_end(fixture.client()));
  fixture.transport->write(Payload("too late"));
  fixture.transport->close_when_flushed(1000);
  fixture.run();
  CHECK(fixture.transport->is_over());
  CHECK(fixture.record().reason == ClosedReason::kClientClose);
  CHECK(fixture.record().websocket_code == code);
  CHECK(fixture.record().frames_in == 2);
}

TEST_CASE("a close of ours comes behind all output and waits for the client's", "[hub][connections]") {
  TransportFixture fixture;
  fixture.transport->write(Payload("last"));
  fixture.transport->close_when_flushed(1011);
  fixture.run();
  CHECK(fixture.receive_said() == "text:last|close 1011");
  fixture.send(text_frame("not heard"));
  fixture.run();
  CHECK_FALSE(fixture.transport->is_over());
  fixture.send(close_frame(1011));
  fixture.run();
  CHECK(fixture.transport->is_over());
  CHECK(hubgate::test::is_at_end(fixture.client()));
  CHECK(fixture.owner.input.empty());
  CHECK(fixture.owner.ends.empty());
  CHECK(fixture.record().reason == ClosedReason::kServerClose);
  CHECK(fixture.record().websocket_code == 1011);
}

TEST_CASE("a client that does not answer a close is cut after the close timeout", "[hub][connections]") {
  TransportFixture fixture;
  fixture.transport->close_when_flushed(1000);
  fixture.run();
  for (int i = 0; i < 4; ++i) fixture.heartbeat();
  CHECK_FALSE(fixture.transport->is_over());
  fixture.heartbeat();
  CHECK(fixture.transport->is_over());
  CHECK(fixture.record().reason == ClosedReason::kCloseTimeout);
}

TEST_CASE("a broken frame is answered with its code, and the connection is cut", "[hub][connections]") {
  struct Row {
    const char* what;
    std::string bytes;
    const char* answer;
  };
  const Row row = GENERATE(Row{"unmasked", std::string("\x81\x01x", 3), "close 1002"},
                           Row{"reserved bit", std::string("\xC1\x80\0\0\0\0", 6), "close 1002"},
                           Row{"text that is no UTF-8", text_frame("a\xFF"), "close 1007"},
                           Row{"text cut inside a character", text_frame("\xE2\x82"), "close 1007"},
                           Row{"close with half a code", frame(Opcode::kClose, "\x03"), "close 1002"},
                           Row{"close with 1006", frame(Opcode::kClose, "\x03\xEE"), "close 1002"});
  CAPTURE(row.what);
  TransportFixture fixture;
  fixture.send(row.bytes + text_frame("behind"));
  fixture.run();
  CHECK(fixture.receive_said() == row.answer);
  CHECK(fixture.owner.ends == std::vector<std::string>{"protocol_error"});
  CHECK_FALSE(fixture.owner.error.empty());
  fixture.transport->close_when_flushed(1000);
  fixture.run();
  CHECK(fixture.transport->is_over());
  CHECK(fixture.record().reason == ClosedReason::kProtocolError);
}

TEST_CASE("a text message may be cut inside a character, a binary one is not judged", "[hub][connections]") {
  TransportFixture fixture;
  fixture.send(frame(Opcode::kText, "\xE2\x82", false) + frame(Opcode::kContinuation, "\xAC") +
               frame(Opcode::kBinary, "\xFF"));
  fixture.run();
  CHECK(fixture.owner.input == "\xE2\x82\xAC\xFF");
  CHECK(fixture.owner.ends.empty());
}

TEST_CASE("the network's end without a close is told as a loss", "[hub][connections]") {
  TransportFixture fixture;
  fixture.sockets->b.reset();
  fixture.run();
  CHECK(fixture.owner.ends == std::vector<std::string>{"lost"});
  CHECK(fixture.owner.error.empty());
  CHECK(fixture.transport->is_over());
  CHECK(fixture.record().reason == ClosedReason::kLost);
  CHECK(fixture.record().websocket_code == 0);
}

TEST_CASE("much output of one turn is no slow client", "[hub][connections]") {
  TransportLimits limits;
  limits.max_pending_bytes = 10'000;
  TransportFixture fixture(limits);
  for (int i = 0; i < 20; ++i) fixture.transport->write(Payload(std::string(1'000, 'x')));
  fixture.run();
  CHECK(fixture.owner.ends.empty());
  CHECK(fixture.receive().size() == 20 * 1'004);
}

TEST_CASE("a client that leaves too much unsent is ended as slow, after one last message", "[hub][connections]") {
  TransportLimits limits;
  limits.max_pending_bytes = 10'000;
  TransportFixture fixture(limits);
  while (fixture.owner.ends.empty() && fixture.transport->unsent() < 1'000'000) {
    fixture.transport->write(Payload(std::string(100'000, 'x')));
    fixture.run();
  }
  CHECK(fixture.owner.ends == std::vector<std::string>{"slow_consumer"});
  fixture.transport->write(Payload("goodbye"));
  fixture.transport->close_when_flushed(1000);
  std::string received;
  for (int i = 0; i < 20; ++i) {
    received += fixture.receive();
    fixture.run();
  }
  CHECK_THAT(test::said(received), hubgate::test::contains("|text:goodbye|close 1000"));
  fixture.send(close_frame(1000));
  fixture.run();
  CHECK(fixture.transport->is_over());
  CHECK(fixture.record().reason == ClosedReason::kSlowConsumer);
}

TEST_CASE("a client that takes nothing within the send timeout is ended as slow", "[hub][connections]") {
  TransportLimits limits;
  limits.send_timeout = Duration::zero();
  TransportFixture fixture(limits);
  fixture.transport->write(Payload(std::string(900'000, 'x')));
  fixture.run();
  CHECK(fixture.owner.ends.empty());
  fixture.heartbeat();
  fixture.heartbeat();
  CHECK(fixture.owner.ends == std::vector<std::string>{"slow_consumer"});
  fixture.transport->close_when_flushed(1000);
  fixture.run();
  fixture.heartbeat();
  fixture.heartbeat(limits.close_timeout);
  CHECK(fixture.transport->is_over());
}

TEST_CASE("a client that takes a little now and then has ten seconds for a write, no more", "[hub][connections]") {
  TransportFixture fixture;
  const bool keeps_up = GENERATE(false, true);
  for (int second = 0; second < 30 && fixture.owner.ends.empty(); ++second) {
    fixture.transport->write(Payload(std::string(keeps_up || second == 0 ? 900'000 : 0, 'x')));
    fixture.run();
    if (keeps_up) {
      // All of what was written nine seconds ago has gone.
      for (int i = 0; i < 50; ++i) {
        fixture.receive();
        fixture.loop.turn(false);
      }
    } else {
      std::array<char, 100> some{};
      CHECK(::recv(fixture.client(), some.data(), some.size(), MSG_DONTWAIT) > 0);
    }
    fixture.heartbeat();
    if (!keeps_up && second < 10) CHECK(fixture.owner.ends.empty());
  }
  CHECK(fixture.owner.ends.empty() == keeps_up);
}

TEST_CASE("output that leaves late is told", "[hub][connections]") {
  TransportFixture fixture;
  fixture.transport->write(Payload(std::string(900'000, 'x')));
  fixture.run();
  CHECK(fixture.owner.drained == 0);
  std::size_t received = 0;
  for (int i = 0; i < 50 && fixture.owner.drained == 0; ++i) {
    received += fixture.receive().size();
    fixture.loop.turn(false);
  }
  CHECK(fixture.owner.drained == 1);
}

TEST_CASE("an abort cuts at once and says nothing more", "[hub][connections]") {
  TransportFixture fixture;
  fixture.transport->write(Payload("lost"));
  fixture.transport->abort();
  fixture.run();
  CHECK(fixture.transport->is_over());
  CHECK(fixture.receive().empty());
  CHECK(fixture.owner.ends.empty());
  CHECK(fixture.record().reason == ClosedReason::kAborted);
}

TEST_CASE("a handler may close or abort while it is shown input", "[hub][connections]") {
  const bool abort = GENERATE(false, true);
  TransportFixture fixture;
  fixture.owner.take = [&](std::string_view) -> std::size_t {
    if (abort) {
      fixture.transport->abort();
    } else {
      fixture.transport->close_when_flushed(1000);
    }
    return 0;
  };
  fixture.send(text_frame("a") + text_frame("b"));
  fixture.run();
  CHECK(fixture.owner.shown == std::vector<std::string>{"a"});
  CHECK(fixture.transport->is_over() == abort);
  CHECK(fixture.receive_said() == (abort ? "" : "close 1000"));
}

}  // namespace
}  // namespace hubgate::hub
