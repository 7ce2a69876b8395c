#include "common/net/connection.h"

#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;

namespace {

struct Recorder final : net::Connection::Handler {
  std::size_t on_data(MutableBytes input) override {
    last_shown = std::string(as_text(input));
    const std::size_t taken = take ? take(as_text(input)) : input.size();
    received += as_text(input).substr(0, taken);
    return taken;
  }
  bool on_end() override {
    ++ends;
    return keep_open;
  }
  void on_drained() override { ++drained; }
  void on_room() override {
    ++rooms;
    if (room) room();
  }
  void on_closed(net::CloseReason why) override { closed = why; }

  std::function<std::size_t(std::string_view)> take;
  std::string received, last_shown;
  std::optional<net::CloseReason> closed;
  int ends = 0;
  std::function<void()> room;
  int drained = 0;
  int rooms = 0;
  bool keep_open = false;
};

struct Fixture {
  Fixture() : connection(loop, std::move(pair.a), handler) {}
  void turn(int times = 1) {
    for (int i = 0; i < times; ++i) loop.turn(false);
  }
  event::Loop loop;
  test::SocketPair pair;
  Recorder handler;
  net::Connection connection;
};

}  // namespace

TEST_CASE("unread bytes are shown before the end that came while reading was paused", "[net]") {
  Fixture f;
  f.handler.take = [](std::string_view) { return 0; };
  test::write_all(f.pair.b.get(), "unread");
  f.turn();
  f.connection.pause(net::Pause::kBackpressure);
  ::shutdown(f.pair.b.get(), SHUT_WR);
  f.turn();
  f.handler.take = nullptr;
  f.connection.resume(net::Pause::kBackpressure);
  f.turn(3);
  CHECK(f.handler.received == "unread");
  CHECK(f.handler.closed == net::CloseReason::kEnded);
}

TEST_CASE("bytes not taken are shown again in front of what comes", "[net]") {
  Fixture f;
  f.handler.take = [](std::string_view text) {
    const std::size_t end = text.rfind('.');
    return end == std::string_view::npos ? 0 : end + 1;
  };
  test::write_all(f.pair.b.get(), "one.tw");
  f.turn();
  CHECK(f.handler.received == "one.");
  test::write_all(f.pair.b.get(), "o.");
  f.turn();
  CHECK(f.handler.last_shown == "two.");
  CHECK(f.handler.received == "one.two.");
}

TEST_CASE("everything written in one turn leaves at its end", "[net]") {
  Fixture f;
  f.connection.write("a");
  f.connection.write("b");
  CHECK(test::read_available(f.pair.b.get()).empty());
  CHECK(f.connection.unsent() == 2);
  f.turn();
  CHECK(test::read_available(f.pair.b.get()) == "ab");
  CHECK(f.connection.unsent() == 0);
}

TEST_CASE("what does not fit waits, in order, and its leaving is told", "[net]") {
  Fixture f;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string part(10'000, static_cast<char>('a' + i % 26));
    expected += part;
    f.connection.write(part);
  }
  f.turn();
  CHECK(f.connection.is_blocked());
  std::string got;
  while (got.size() < expected.size()) {
    got += test::read_available(f.pair.b.get());
    f.turn();
  }
  CHECK(got == expected);
  CHECK(f.handler.drained == 1);
  CHECK_FALSE(f.connection.is_blocked());
}

TEST_CASE("a writer is told once when no more than its low mark waits", "[net]") {
  Fixture f;
  constexpr std::size_t kMark = 32'000;
  f.handler.room = [&] {
    CHECK(f.connection.unsent() <= kMark);
    CHECK(f.connection.unsent() > 0);
  };
  const int small = 1;  // the kernel takes as little as it may
  ::setsockopt(f.connection.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  f.connection.write(std::string(100'000, 'x'));
  f.turn();
  f.connection.tell_when_below(kMark);
  char buffer[5'000];
  while (f.handler.drained == 0) {
    static_cast<void>(::recv(f.pair.b.get(), buffer, sizeof buffer, MSG_DONTWAIT));
    f.turn();
  }
  CHECK(f.handler.rooms == 1);
}

TEST_CASE("a paused connection reads nothing until every reason is gone, and shows its rest then", "[net]") {
  Fixture f;
  f.handler.take = [&](std::string_view) -> std::size_t {
    f.connection.pause(net::Pause::kBusy);
    return 1;
  };
  test::write_all(f.pair.b.get(), "abc");
  f.turn(2);
  CHECK(f.handler.received == "a");
  f.handler.take = nullptr;
  f.connection.pause(net::Pause::kBackpressure);
  f.connection.resume(net::Pause::kBusy);
  f.turn(2);
  CHECK(f.handler.received == "a");
  f.connection.resume(net::Pause::kBackpressure);
  f.turn(2);
  CHECK(f.handler.received == "abc");
}

TEST_CASE("an end of the peer closes, unless our side stays open", "[net]") {
  Fixture f;
  f.handler.keep_open = GENERATE(false, true);
  ::shutdown(f.pair.b.get(), SHUT_WR);
  f.turn(2);
  CHECK(f.handler.ends == 1);
  if (f.handler.keep_open) {
    CHECK_FALSE(f.handler.closed.has_value());
    f.connection.write("still here");
    f.turn();
    CHECK(test::read_available(f.pair.b.get()) == "still here");
  } else {
    CHECK(f.handler.closed == net::CloseReason::kEnded);
    CHECK_FALSE(f.connection.is_open());
  }
}

TEST_CASE("after its own close a connection is silent", "[net]") {
  Fixture f;
  test::write_all(f.pair.b.get(), "unread");
  f.connection.close();
  f.connection.write("lost");
  f.pair.b.reset();
  f.turn(2);
  CHECK(f.handler.received.empty());
  CHECK_FALSE(f.handler.closed.has_value());
}

TEST_CASE("close_when_flushed sends all before the end", "[net]") {
  Fixture f;
  const std::string big(1'000'000, 'x');
  f.connection.write(big);
  f.connection.close_when_flushed();
  test::write_all(f.pair.b.get(), "thrown away");
  std::string got;
  while (!test::is_at_end(f.pair.b.get())) {
    got += test::read_available(f.pair.b.get());
    f.turn();
  }
  CHECK(got.size() == big.size());
  CHECK(f.handler.received.empty());
  CHECK_FALSE(f.handler.closed.has_value());
}

TEST_CASE("shutdown_when_flushed ends our side and goes on reading", "[net]") {
  Fixture f;
  f.connection.write("bye");
  f.connection.shutdown_when_flushed();
  f.turn();
  CHECK(test::read_available(f.pair.b.get()) == "bye");
  CHECK(test::is_at_end(f.pair.b.get()));
  test::write_all(f.pair.b.get(), "answer");
  f.turn();
  CHECK(f.handler.received == "answer");
}

TEST_CASE("writing to a peer that is gone closes with an empty stack", "[net]") {
  Fixture f;
  f.pair.b.reset();
  f.connection.write("x");
  CHECK_FALSE(f.handler.closed.has_value());
  f.turn(3);
  CHECK(f.handler.closed.has_value());
}

TEST_CASE("a peer's last words are read although our writing fails", "[net]") {
  Fixture f;
  test::write_all(f.pair.b.get(), "413");
  f.pair.b.reset();
  f.connection.write("body");
  f.turn(3);
  CHECK(f.handler.received == "413");
  CHECK(f.handler.closed.has_value());
}

TEST_CASE("a released connection gives socket and unread bytes and hears nothing more", "[net]") {
  Fixture f;
  f.handler.take = [](std::string_view) { return std::size_t{4}; };
  test::write_all(f.pair.b.get(), "headearly");
  f.turn();
  net::Connection::Released released = f.connection.release();
  CHECK(as_text(released.unread) == "early");
  test::write_all(f.pair.b.get(), "more");
  f.turn(2);
  CHECK(f.handler.received == "head");
  CHECK(test::read_available(released.socket.get()) == "more");
}

TEST_CASE("unread bytes go to the next handler", "[net]") {
  Fixture f;
  f.handler.take = [](std::string_view) { return std::size_t{1}; };
  test::write_all(f.pair.b.get(), "abc");
  f.turn();
  Recorder next;
  f.connection.set_handler(next);
  f.connection.unread(as_bytes("<"));
  f.turn(2);
  CHECK(next.received == "<bc");
}

TEST_CASE("a handler that takes nothing from a full buffer ends the connection", "[net]") {
  Fixture f;
  f.handler.take = [](std::string_view) { return std::size_t{0}; };
  const std::string part(8192, 'x');
  while (!f.handler.closed) {
    ::send(f.pair.b.get(), part.data(), part.size(), MSG_NOSIGNAL);
    f.turn();
  }
  CHECK(f.handler.closed == net::CloseReason::kOverflow);
}

TEST_CASE("write_through sends at once what fits and keeps only the rest, in order", "[net]") {
  Fixture f;
  f.connection.write_through(as_bytes("now"));
  CHECK(f.connection.unsent() == 0);
  CHECK(test::read_available(f.pair.b.get()) == "now");  // no turn has passed

  const std::string big(4 * 1024 * 1024, 'x');
  f.connection.write_through(as_bytes(big));
  f.connection.write_through(as_bytes("end"));
  CHECK(f.connection.unsent() > 0);
  CHECK(f.connection.unsent() < big.size());
  std::string got;
  while (f.connection.unsent() > 0) {
    got += test::read_available(f.pair.b.get());
    f.turn();
  }
  got += test::read_available(f.pair.b.get());
  CHECK(got == big + "end");
  CHECK(f.handler.drained == 1);
}

TEST_CASE("write_through to a peer that is gone closes with an empty stack", "[net]") {
  Fixture f;
  f.pair.b.reset();
  f.connection.write_through(as_bytes("anyone?"));
  CHECK(f.connection.is_open());
  CHECK_FALSE(f.handler.closed);
  f.turn(2);
  CHECK(f.handler.closed);
}
