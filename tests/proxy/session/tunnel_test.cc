#include "proxy/session/tunnel.h"

#include "common/websocket/close_code.h"
#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

// What the connections' first owner would be; nothing comes to it.
struct Nobody final : net::Connection::Handler {
  std::size_t on_data(MutableBytes) override { return 0; }
  void on_closed(net::CloseReason) override {}
};

struct Fixture {
  Fixture() { open(); }
  void open(TunnelLimits limits = {}) {
    auto to_client = std::make_unique<net::Connection>(loop, std::move(client.a), nobody);
    auto to_endpoint = std::make_unique<net::Connection>(loop, std::move(endpoint.a), nobody);
    client_side = to_client.get();
    endpoint_side = to_endpoint.get();
    tunnel = std::make_unique<Tunnel>(timers, std::move(to_client), std::move(to_endpoint), EndpointLease(), limits,
                                      [this](const TunnelReport& how) {
                                        report = how;
                                        loop.dispose(std::move(tunnel));
                                      });
  }
  void turn(int times = 4) {
    for (int i = 0; i < times; ++i) loop.turn(false);
  }
  std::string at_endpoint() { return test::read_available(endpoint.b.get()); }
  std::string at_client() { return test::read_available(client.b.get()); }

  event::Loop loop;
  test::ManualTimers timers;
  Nobody nobody;
  test::SocketPair client, endpoint;
  net::Connection* client_side = nullptr;  // while the tunnel lives
  net::Connection* endpoint_side = nullptr;
  std::optional<TunnelReport> report;
  std::unique_ptr<Tunnel> tunnel;
};

// Frames of a client carry a mask; of zeros here, so that the payload is readable.
std::string masked(char opcode, std::string_view payload) {
  std::string frame{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | static_cast<char>(payload.size()))};
  frame.append(4, '\0').append(payload);
  return frame;
}
std::string plain(char opcode, std::string_view payload) {
  std::string frame{static_cast<char>(0x80 | opcode), static_cast<char>(payload.size())};
  return frame.append(payload);
}
const std::string kClose1000("\x03\xe8", 2);

}  // namespace

TEST_CASE("bytes pass both ways untouched, however they are cut", "[proxy][session]") {
  Fixture f;
  const std::string up = masked(1, "hello") + masked(2, "x") + masked(9, "");
  const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{100});
  std::string seen;
  for (std::size_t at = 0; at < up.size(); at += piece) {
    test::write_all(f.client.b.get(), up.substr(at, piece));
    f.turn(1);
    seen += f.at_endpoint();
  }
  f.turn();
  seen += f.at_endpoint();
  CHECK(seen == up);
  test::write_all(f.endpoint.b.get(), plain(1, "answer"));
  f.turn();
  CHECK(f.at_client() == plain(1, "answer"));
  CHECK_FALSE(f.report);
}

TEST_CASE("what passes leaves in the same turn, so an idle tunnel keeps nothing", "[proxy][session]") {
  Fixture f;
  test::write_all(f.client.b.get(), masked(1, "now"));
  f.turn(1);
  CHECK(f.at_endpoint() == masked(1, "now"));
  CHECK(sizeof(Tunnel) + 2 * sizeof(net::Connection) <= 2048);
}

TEST_CASE("a close handshake is reported with its code and who began", "[proxy][session]") {
  Fixture f;
  test::write_all(f.endpoint.b.get(), plain(8, kClose1000 + "bye"));
  f.turn();
  test::write_all(f.client.b.get(), masked(8, kClose1000));
  f.turn();
  f.client.b.reset();
  f.endpoint.b.reset();
  f.turn();
  REQUIRE(f.report);
  CHECK(f.report->by == ClosedBy::kEndpoint);
  CHECK(f.report->reason == TerminationReason::kServerClose);
  CHECK(f.report->close_code == websocket::close_code::kNormal);
  CHECK(f.report->frames_in == 1);
  CHECK(f.report->frames_out == 1);
}

TEST_CASE("one side's end is passed on, and the other may still speak for a while", "[proxy][session]") {
  Fixture f;
  ::shutdown(f.client.b.get(), SHUT_WR);
  f.turn();
  CHECK(test::is_at_end(f.endpoint.b.get()));
  test::write_all(f.endpoint.b.get(), plain(1, "last"));
  f.turn();
  CHECK(f.at_client() == plain(1, "last"));
  CHECK_FALSE(f.report);
  f.timers.advance(11s);
  REQUIRE(f.report);
  CHECK(f.report->by == ClosedBy::kClient);
  CHECK(f.report->reason == TerminationReason::kLost);
}

TEST_CASE("the end of both sides ends the tunnel, after what is under way has left", "[proxy][session]") {
  Fixture f;
  test::write_all(f.endpoint.b.get(), plain(1, "farewell"));
  ::shutdown(f.endpoint.b.get(), SHUT_WR);
  ::shutdown(f.client.b.get(), SHUT_WR);
  f.turn();
  REQUIRE(f.report);
  CHECK(f.at_client() == plain(1, "farewell"));
  CHECK(test::is_at_end(f.client.b.get()));
}

TEST_CASE("a side that breaks ends the tunnel at once", "[proxy][session]") {
  Fixture f;
  test::write_all(f.client.b.get(), masked(1, "x"));
  f.endpoint.b.reset();  // the write to it fails
  f.turn();
  REQUIRE(f.report);
  CHECK(f.report->by == ClosedBy::kEndpoint);
  f.turn();
  CHECK(test::is_at_end(f.client.b.get()));
}

TEST_CASE("a tunnel without a byte ends after the idle time, one with bytes does not", "[proxy][session]") {
  Fixture f;
  f.timers.advance(100s);
  test::write_all(f.client.b.get(), masked(9, ""));
  f.turn();
  f.timers.advance(100s);
  CHECK_FALSE(f.report);
  f.timers.advance(21s);
  REQUIRE(f.report);
  CHECK(f.report->by == ClosedBy::kProxy);
  CHECK(f.report->reason == TerminationReason::kIdle);
}

TEST_CASE("a slow side pauses the fast one, and nothing is lost", "[proxy][session]") {
  Fixture f;
  const std::string frame = plain(2, std::string(100, 'd'));
  std::string sent, got;
  // The client does not read: both kernel buffers fill, then the tunnel's queue to its mark.
  for (int i = 0; i < 200; ++i) {
    std::string chunk;
    for (int j = 0; j < 100; ++j) chunk += frame;
    const ssize_t count = ::send(f.endpoint.b.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent.append(chunk, 0, static_cast<std::size_t>(count));
    f.turn(1);
  }
  char byte;
  CHECK(::send(f.endpoint.b.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == -1);  // the endpoint is held back
  for (int i = 0; i < 1000 && got.size() < sent.size(); ++i) {
    got += f.at_client();
    f.turn(1);
  }
  CHECK(got == sent);
}

TEST_CASE("a side that takes nothing is ended, although it goes on talking", "[proxy][session]") {
  Fixture f;
  const bool client_stalls = GENERATE(true, false);
  const int from = client_stalls ? f.endpoint.b.get() : f.client.b.get();
  const int stalled = client_stalls ? f.client.b.get() : f.endpoint.b.get();
  for (int i = 0; i < 200; ++i) {
    static_cast<void>(::send(from, std::string(60'000, 'x').data(), 60'000, MSG_DONTWAIT | MSG_NOSIGNAL));
    f.turn();
  }
  for (int second = 0; second < 29; ++second) {
    f.timers.advance(1s);
    test::write_all(stalled, client_stalls ? masked(9, "") : plain(9, ""));
    f.turn();
  }
  CHECK_FALSE(f.report);
  f.timers.advance(6s);
  f.turn();
  REQUIRE(f.report);
  CHECK(f.report->by == ClosedBy::kProxy);
  CHECK(f.report->reason == (client_stalls ? TerminationReason::kSlowConsumer : TerminationReason::kEndpointLost));
}

TEST_CASE("a side that takes a little now and then is not ended", "[proxy][session]") {
  Fixture f;
  for (int i = 0; i < 200; ++i) {
    static_cast<void>(::send(f.endpoint.b.get(), std::string(60'000, 'x').data(), 60'000, MSG_DONTWAIT | MSG_NOSIGNAL));
    f.turn();
  }
  std::vector<char> some(150'000);
  for (int i = 0; i < 4; ++i) {
    f.timers.advance(20s);
    CHECK(::recv(f.client.b.get(), some.data(), some.size(), 0) > 0);
    f.turn();
    f.timers.advance(5s);
    f.turn();
  }
  CHECK_FALSE(f.report);
}

TEST_CASE("the fast side goes on when half of what may wait has left", "[proxy][session]") {
  Fixture f;
  const std::string frames = [] {
    std::string text;
    for (int i = 0; i < 100; ++i) text += plain(2, std::string(100, 'd'));
    return text;
  }();
  const int small = 1;  // so that what leaves, leaves in little steps
  ::setsockopt(f.client_side->fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  for (int i = 0; i < 500 && !f.endpoint_side->is_paused(); ++i) {
    static_cast<void>(::send(f.endpoint.b.get(), frames.data(), frames.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    f.turn(1);
  }
  REQUIRE(f.endpoint_side->is_paused());
  CHECK(f.client_side->unsent() > TunnelLimits().high_mark);
  char buffer[2'000];
  for (int i = 0; i < 5'000 && f.endpoint_side->is_paused(); ++i) {
    static_cast<void>(::recv(f.client.b.get(), buffer, sizeof buffer, MSG_DONTWAIT));
    f.turn(1);
    if (f.client_side->unsent() > TunnelLimits().high_mark / 2) CHECK(f.endpoint_side->is_paused());
  }
  CHECK_FALSE(f.endpoint_side->is_paused());
  CHECK(f.client_side->unsent() > 0);
}

TEST_CASE("bytes that are no frames pass blindly and are counted so", "[proxy][session]") {
  Fixture f;
  test::write_all(f.client.b.get(), "GET / HTTP/1.1\r\n\r\n");
  f.turn();
  CHECK(f.at_endpoint() == "GET / HTTP/1.1\r\n\r\n");
  f.client.b.reset();
  f.endpoint.b.reset();
  f.turn();
  REQUIRE(f.report);
  CHECK(f.report->lost_frames);
}

TEST_CASE("a proxy that stops ends each direction at an edge between two frames", "[proxy][session]") {
  Fixture f;
  const std::string frame = plain(1, "whole frame");
  test::write_all(f.endpoint.b.get(), frame.substr(0, 5));
  f.turn();
  f.tunnel->end_at_edge();
  f.turn();
  CHECK_FALSE(f.report);
  test::write_all(f.endpoint.b.get(), frame.substr(5) + plain(1, "too late"));
  f.turn();
  f.timers.advance(1ms);
  REQUIRE(f.report);
  CHECK(f.report->reason == TerminationReason::kProxyStopped);
  CHECK(f.at_client() == frame);
}
