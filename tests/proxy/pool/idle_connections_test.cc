#include "proxy/pool/idle_connections.h"

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

struct Nobody final : http_client::ClientConnection::Handler {
  void on_response_head(http::ResponseHead&) override {}
  void on_response_end(bool) override {}
  void on_failed(const http_client::Failure&) override {}
};

http::RequestHead get() {
  http::RequestHead head;
  head.method = "GET";
  head.target = "/";
  head.headers.add("Host", "a");
  return head;
}

struct Fixture {
  /// The endpoint's end of a connection that is kept.
  Descriptor keep(std::size_t max = 32) {
    test::SocketPair pair;
    idle.keep(std::make_unique<http_client::ClientConnection>(loop, timers, std::move(pair.a), nobody), max, 30s);
    return std::move(pair.b);
  }

  event::Loop loop;
  test::ManualTimers timers;
  Nobody nobody;
  IdleConnections idle{loop, timers};
};

}  // namespace

TEST_CASE("the connection that was used last is used first", "[proxy][pool]") {
  Fixture f;
  const Descriptor first = f.keep();
  const Descriptor second = f.keep();
  const auto taken = f.idle.take();
  REQUIRE(taken);
  taken->send(get());
  f.loop.turn(false);
  CHECK_FALSE(test::read_available(second.get()).empty());
  CHECK(f.idle.size() == 1);
}

TEST_CASE("a connection that has ended or speaks unasked is not used again, though the loop has not heard of it",
          "[proxy][pool]") {
  Fixture f;
  const Descriptor good = f.keep();
  Descriptor ended = f.keep();
  const Descriptor talks = f.keep();
  ended.reset();
  test::write_all(talks.get(), "HTTP/1.1 408 Request Timeout\r\n\r\n");
  const auto taken = f.idle.take();
  REQUIRE(taken);
  CHECK(f.idle.size() == 0);
  taken->send(get());
  f.loop.turn(false);
  CHECK_FALSE(test::read_available(good.get()).empty());
}

TEST_CASE("where every kept connection is spent, there is none", "[proxy][pool]") {
  Fixture f;
  f.keep();
  f.keep();  // their other ends are closed at once
  CHECK(f.idle.take() == nullptr);
  CHECK(f.idle.size() == 0);
  f.timers.advance(31s);  // and nothing is left to be dropped
}
