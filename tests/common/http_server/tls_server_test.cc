#include <cstdlib>
#include <filesystem>

#include "common/net/tls_context.h"
#include "common/net/transport.h"
#include "tests/common/http_server/server_fixture.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace std::chrono_literals;
using http_server::EndReason;

namespace {

struct Client final : net::Connection::Handler {
  std::size_t on_data(MutableBytes input) override {
    received += as_text(input);
    return input.size();
  }
  void on_closed(net::CloseReason why) override { closed = why; }
  std::string received;
  std::optional<net::CloseReason> closed;
};

struct TlsFixture {
  TlsFixture() {
    char name[] = "/tmp/hubgate-https-XXXXXX";
    folder = ::mkdtemp(name);
    REQUIRE(net::make_self_signed_pair(folder + "/dev.crt", folder + "/dev.key"));
    server_context = net::TlsContext::make_server(folder + "/dev.crt", folder + "/dev.key").value();
    client_context = net::TlsContext::make_client(folder + "/dev.crt").value();
    auto tls = server_context->accept(pair.a.get());
    connection =
        std::make_unique<http_server::ServerConnection>(loop, timers, std::move(pair.a), std::move(tls), handler);
  }
  ~TlsFixture() { std::filesystem::remove_all(folder); }
  void turn(int times = 30) {
    for (int i = 0; i < times; ++i) loop.turn(false);
  }
  std::string folder;
  std::shared_ptr<const net::TlsContext> server_context, client_context;
  event::Loop loop;
  test::ManualTimers timers;
  test::SocketPair pair;
  test::ScriptedHandler handler;
  std::unique_ptr<http_server::ServerConnection> connection;
};

}  // namespace

TEST_CASE("requests are served over TLS, pipelined ones too", "[http_server][tls]") {
  TlsFixture f;
  f.handler.request_end = [&] { f.connection->respond({}, std::to_string(f.handler.heads.size())); };
  Client receiver;
  auto tls = f.client_context->connect(f.pair.b.get(), "localhost");
  net::Connection client(f.loop, std::move(f.pair.b), std::move(tls), receiver);
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  client.write(request + request);
  f.turn();
  CHECK(f.connection->is_tls());
  CHECK(f.handler.heads.size() == 2);
  CHECK_THAT(receiver.received, test::contains("\r\n\r\n1HTTP/1.1 200 OK\r\n"));
  SECTION("and its end is in order") {
    f.connection->drain();
    f.turn();
    CHECK(receiver.closed == net::CloseReason::kEnded);
    CHECK(f.handler.closed == EndReason::kFinished);
  }
  SECTION("and the client's end is heard of") {
    client.close();
    f.turn();
    CHECK(f.handler.closed == EndReason::kPeerEnded);
  }
}

TEST_CASE("a TLS handshake has limited time, and the head behind it its own", "[http_server][tls]") {
  TlsFixture f;
  SECTION("no handshake") {
    f.timers.advance(10s);
    CHECK(f.handler.closed == EndReason::kTlsFailed);
  }
  SECTION("no request") {
    f.timers.advance(9s);
    Client receiver;
    auto tls = f.client_context->connect(f.pair.b.get(), "localhost");
    net::Connection client(f.loop, std::move(f.pair.b), std::move(tls), receiver);
    f.turn();
    f.timers.advance(9s);
    CHECK_FALSE(f.handler.closed);
    f.timers.advance(1s);
    CHECK(f.handler.closed == EndReason::kIdle);
  }
  SECTION("plain bytes instead") {
    test::write_all(f.pair.b.get(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    f.turn();
    CHECK(f.handler.closed == EndReason::kTlsFailed);
  }
}
