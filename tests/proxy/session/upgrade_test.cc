#include <netinet/tcp.h>

#include "common/net/tls_context.h"
#include "proxy/session/socket_options.h"
#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string kFrame("\x81\x82\0\0\0\0hi", 8);

}  // namespace

TEST_CASE("a WebSocket to a remote endpoint becomes a tunnel after a verified 101", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kSwitched + std::string("\x81\x02yo", 4);  // speaks at once
  Endpoint& endpoint = gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  const std::string answer = gateway.ask(client, hub_upgrade("/chat?id=" + gateway.tags[1], "Origin: x\r\n"));
  CHECK_THAT(answer, contains("HTTP/1.1 101 Switching Protocols\r\n"));
  CHECK_THAT(answer, contains("Upgrade: websocket\r\n"));
  CHECK_THAT(answer, contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  CHECK(answer.ends_with("\r\n\r\n\x81\x02yo"));
  CHECK_THAT(upstream.received(), contains("Origin: x\r\n"));
  CHECK(endpoint.tunnels() == 1);
  CHECK(gateway.metrics.tunnels_active == 1);

  gateway.ask(client, kFrame);
  CHECK(upstream.received().ends_with(kFrame));
  ::shutdown(client.get(), SHUT_RDWR);
  gateway.turn();
  upstream.connections[0].socket.reset();
  gateway.turn();
  CHECK(gateway.sessions.empty());
  CHECK(endpoint.tunnels() == 0);
  CHECK(gateway.metrics.tunnels_active == 0);
  CHECK(gateway.metrics.tunnels_closed.at(ClosedBy::kClient, TerminationReason::kLost) == 1);
}

TEST_CASE("bytes behind the head are held until the 101, and pass then", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat") + kFrame);
  CHECK_THAT(upstream.received(), !contains("hi"));
  upstream.connections[0].unsent = kSwitched;
  gateway.turn();
  CHECK(upstream.received().ends_with(kFrame));
}

TEST_CASE("bytes behind a refused upgrade are never read as a request", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  const std::string answer =
      gateway.ask(client, hub_upgrade("/chat") + "GET /app/smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"));
  CHECK(answer.ends_with("no"));
  CHECK_THAT(answer, contains("Connection: close\r\n"));
  CHECK_THAT(upstream.received(), !contains("smuggled"));
  CHECK(is_at_end(client.get()));
}

TEST_CASE("a 101 that proves nothing becomes 502", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = GENERATE(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  CHECK(gateway.ask(client, hub_upgrade("/chat")).starts_with("HTTP/1.1 502 "));
  CHECK(gateway.metrics.tunnels_opened == 0);
}

TEST_CASE("an upgrade that is not answered in time gets 504", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  gateway.advance(11s);
  CHECK(read_available(client.get()).starts_with("HTTP/1.1 504 "));
}

TEST_CASE("a defective upgrade is answered off hub paths and loses its offer on them", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nthe hub's";
  gateway.add_upstream(upstream, 1);
  const std::string old =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const std::string off_hub = gateway.ask("GET /app HTTP/1.1\r\nHost: a\r\n" + old);
  CHECK(off_hub.starts_with("HTTP/1.1 426 "));
  CHECK_THAT(off_hub, contains("Sec-WebSocket-Version: 13\r\n"));
  CHECK(upstream.received().empty());
  CHECK(gateway.ask("GET /chat HTTP/1.1\r\nHost: a\r\n" + old).ends_with("the hub's"));
  CHECK_THAT(upstream.received(), !contains("Upgrade"));
}

TEST_CASE("what the proxy refuses itself ends the connection, and is counted by its class", "[proxy][session]") {
  struct Row {
    std::string request;
    int status;
    http::Rejection why;
  };
  const std::string offer = "HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  const Row row = GENERATE_COPY(values<Row>({
      {"GET /app " + offer + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n", 400,
       http::Rejection::kUpgradeKey},
      {"GET /app " + offer + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 426,
       http::Rejection::kUpgradeVersion},
      {"GET /app%2fx HTTP/1.1\r\nHost: a\r\n\r\n", 400, http::Rejection::kEncodedSeparator},
  }));
  CAPTURE(row.request);
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  const std::string answer = gateway.ask(client, row.request + get("/app/smuggled"));
  CHECK(status_of(answer).substr(9, 3) == std::to_string(row.status));
  CHECK_THAT(answer, contains("Connection: close\r\n"));
  CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
  CHECK(upstream.connections.empty());
  CHECK(gateway.metrics.rejected[static_cast<std::size_t>(row.why)] == 1);
  CHECK(is_at_end(client.get()));
}

TEST_CASE("bytes behind a defective upgrade are not a request, whoever answers it", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  const std::string target = GENERATE("/chat", "/nothing");
  const std::string answer = gateway.ask(
      client, "GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" +
                  get("/app/smuggled"));
  CHECK_THAT(answer, contains("Connection: close\r\n"));
  CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
  CHECK_THAT(upstream.received(), !contains("smuggled"));
}

TEST_CASE("an offer of another protocol is stripped, and its request served", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1);
  CHECK(gateway
            .ask("GET /app HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                 "HTTP2-Settings: AA\r\n\r\n")
            .ends_with("ok"));
  CHECK_THAT(upstream.received(), !contains("h2c"));
  CHECK_THAT(upstream.received(), !contains("HTTP2-Settings"));
}

TEST_CASE("a tunnel without a byte ends after its idle time", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kSwitched;
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  gateway.advance(121s);
  CHECK(gateway.sessions.empty());
  CHECK(is_at_end(client.get()));
  CHECK(gateway.metrics.tunnels_closed.at(ClosedBy::kProxy, TerminationReason::kIdle) == 1);
}

TEST_CASE("a tunnel of a removed endpoint goes on", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kSwitched;
  Endpoint& endpoint = gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  gateway.pools.find("main")->remove(endpoint);
  gateway.turn();
  gateway.ask(client, kFrame);
  CHECK(upstream.received().ends_with(kFrame));
  CHECK(gateway.sessions.size() == 1);
}

TEST_CASE("over TLS an upgrade for a local worker is a tunnel, not a handover", "[proxy][session]") {
  struct Client final : net::Connection::Handler {
    std::size_t on_data(MutableBytes input) override {
      received += as_text(input);
      return input.size();
    }
    void on_closed(net::CloseReason) override {}
    std::string received;
  } client;
  const TemporaryFolder folder;
  REQUIRE(net::make_self_signed_pair(folder / "crt", folder / "key"));
  Gateway gateway;
  gateway.listener->tls = *net::TlsContext::make_server(folder / "crt", folder / "key");
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  Descriptor socket = gateway.connect();
  const auto trust = *net::TlsContext::make_client(folder / "crt");
  auto tls = trust->connect(socket.get(), "localhost");
  net::Connection connection(gateway.loop, std::move(socket), std::move(tls), client);
  connection.write(hub_upgrade("/chat") + kFrame);
  gateway.turn(40);
  REQUIRE(worker.links.accepts.size() == 1);
  CHECK(worker.links.accepts[0].kind == control::Accept::Kind::kRelay);
  const int relay = worker.links.sockets[0].get();
  CHECK_THAT(read_available(relay), contains("X-Forwarded-Proto: https\r\n"));
  write_all(relay, kSwitched);
  gateway.turn();
  CHECK(read_available(relay) == kFrame);
  const std::string frame("\x81\x02yo", 4);
  write_all(relay, frame);
  gateway.turn();
  CHECK(client.received.starts_with("HTTP/1.1 101 "));
  CHECK(client.received.ends_with(frame));
}

TEST_CASE("the kernel is asked to find out when a TCP peer has vanished", "[proxy][session]") {
  const Descriptor tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  watch_for_lost_peer(tcp.get());
  int value = 0;
  socklen_t length = sizeof value;
  REQUIRE(::getsockopt(tcp.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &length) == 0);
  CHECK(value == 60'000);
  REQUIRE(::getsockopt(tcp.get(), SOL_SOCKET, SO_KEEPALIVE, &value, &length) == 0);
  CHECK(value == 1);
  const SocketPair pair;
  watch_for_lost_peer(pair.a.get());  // nothing to be done there
}
