#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"

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
  CHECK(gateway.metrics.tunnels_closed[static_cast<std::size_t>(ClosedBy::kClient)] == 1);
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
  CHECK(gateway.metrics.tunnels_closed[static_cast<std::size_t>(ClosedBy::kProxy)] == 1);
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
