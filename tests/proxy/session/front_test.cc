#include <unistd.h>

#include "common/net/tls_context.h"
#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"
#include "tests/support/proxy_header_bytes.h"
#include "tests/support/temporary_folder.h"

// What a session does before and around HTTP: whose connection it is, and how many that source may have.

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;

namespace {

std::uint64_t refused(const Gateway& gateway, SourceRefusal reason) {
  return gateway.metrics.source_refused[static_cast<std::size_t>(reason)];
}

void trust(Gateway& gateway, const std::string& range, bool proxy_protocol) {
  gateway.listener->trusted = {*net::Cidr::parse(range)};
  gateway.listener->proxy_protocol = proxy_protocol;
}

}  // namespace

TEST_CASE("behind a PROXY header the client is who the header says, for an endpoint and for a worker",
          "[proxy][session][front]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1, "web");
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  trust(gateway, "10.0.0.0/8", true);
  const std::string header = GENERATE(as<std::string>{}, "PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n",
                                      hubgate::test::proxy_v2("198.51.100.9", 4711, "192.0.2.1", 443));

  const Descriptor client = gateway.connect("10.0.0.1:4000");
  CHECK_THAT(gateway.ask(client, header + get("/web", "X-Forwarded-For: 6.6.6.6\r\n")), contains("200 OK"));
  CHECK_THAT(upstream.received(), contains("X-Forwarded-For: 198.51.100.9\r\n"));
  // The next request of the connection has no header any more.
  CHECK_THAT(gateway.ask(client, get("/web")), contains("200 OK"));

  const Descriptor socket = gateway.connect("10.0.0.1:4000");
  gateway.ask(socket, header + hub_upgrade("/chat"));
  REQUIRE(worker.links.accepts.size() == 1);
  CHECK(worker.links.accepts[0].client_address == "198.51.100.9:4711");
  CHECK(worker.links.accepts[0].local_address == "192.0.2.1:443");
  CHECK_THAT(worker.links.accepts[0].head, contains("client=198.51.100.9:4711; local=192.0.2.1:443"));
}

TEST_CASE("a PROXY header comes before TLS, however both are cut", "[proxy][session][front]") {
  struct Client final : net::Connection::Handler {
    std::size_t on_data(MutableBytes input) override {
      received += as_text(input);
      return input.size();
    }
    void on_closed(net::CloseReason) override {}
    std::string received;
  };
  const TemporaryFolder folder;
  REQUIRE(net::make_self_signed_pair(folder / "crt", folder / "key"));
  Gateway gateway;
  gateway.listener->tls = *net::TlsContext::make_server(folder / "crt", folder / "key");
  const auto trust_in_server = *net::TlsContext::make_client(folder / "crt");
  trust(gateway, "10.0.0.0/8", true);
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1, "web");
  const std::string header = hubgate::test::proxy_v2("198.51.100.9", 4711, "192.0.2.1", 443);
  for (std::size_t cut = 0; cut <= header.size(); ++cut) {
    CAPTURE(cut);
    Descriptor socket = gateway.connect("10.0.0.1:4000");
    write_all(socket.get(), header.substr(0, cut));
    gateway.turn(3);
    write_all(socket.get(), header.substr(cut));
    // The client's hello may follow in the same read.
    auto tls = trust_in_server->connect(socket.get(), "localhost");
    Client client;
    net::Connection connection(gateway.loop, std::move(socket), std::move(tls), client);
    connection.write(get("/web"));
    gateway.turn(30);
    CHECK_THAT(client.received, contains("200 OK"));
  }
  CHECK_THAT(upstream.received(), contains("X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\n"));
}

TEST_CASE("LOCAL keeps the socket's own addresses", "[proxy][session][front]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1, "web");
  trust(gateway, "10.0.0.0/8", true);
  gateway.ask(gateway.connect("10.0.0.1:4000"), hubgate::test::proxy_v2(0x20, 0, "") + get("/web"));
  CHECK_THAT(upstream.received(), contains("X-Forwarded-For: 10.0.0.1\r\n"));
}

TEST_CASE("a PROXY header is taken from trusted peers, in time, and on its listener only", "[proxy][session][front]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1, "web");
  const std::string header = "PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n";
  trust(gateway, "10.0.0.0/8", true);

  const Descriptor stranger = gateway.connect("192.0.2.7:50000");
  CHECK(is_at_end(stranger.get()));
  CHECK(refused(gateway, SourceRefusal::kUntrusted) == 1);

  const Descriptor without = gateway.connect("10.0.0.1:4000");
  CHECK(gateway.ask(without, get("/web")).empty());
  CHECK(refused(gateway, SourceRefusal::kProxyHeader) == 1);

  const Descriptor late = gateway.connect("10.0.0.1:4000");
  CHECK(gateway.ask(late, "PROXY TCP4").empty());
  gateway.advance(std::chrono::milliseconds(4500));
  CHECK_FALSE(is_at_end(late.get()));
  gateway.advance(std::chrono::milliseconds(500));
  CHECK(is_at_end(late.get()));
  CHECK(refused(gateway, SourceRefusal::kProxyHeader) == 2);
  CHECK(gateway.sessions.empty());

  trust(gateway, "10.0.0.0/8", false);
  CHECK_THAT(gateway.ask(gateway.connect("10.0.0.1:4000"), header + get("/web")), contains("400 Bad Request"));
  CHECK(upstream.received().empty());
}

TEST_CASE("a client on a Unix socket is known to a worker by its user, as the kernel says", "[proxy][session][front]") {
  Gateway gateway;
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  const std::string says = "client=unix; uid=" + std::to_string(::getuid()) + "; ";
  const Descriptor relayed = gateway.connect("unix:/run/client");
  write_all(relayed.get(), get("/app", "X-Hubgate-Connection: client=unix; uid=4711\r\n"));
  const Descriptor given = gateway.connect("unix:/run/client");
  write_all(given.get(), hub_upgrade("/chat", "X-Hubgate-Connection: client=unix; uid=4711\r\n"));
  gateway.turn();
  int heads = 0;
  for (std::size_t i = 0; i < worker.links.accepts.size(); ++i) {
    const bool is_relay = worker.links.accepts[i].kind == control::Accept::Kind::kRelay;
    const std::string head = is_relay ? read_available(worker.links.sockets[i].get()) : worker.links.accepts[i].head;
    if (head.empty()) continue;
    ++heads;
    CHECK_THAT(head, contains("X-Hubgate-Connection: listener=public; " + says));
    CHECK_THAT(head, !contains("4711"));
  }
  CHECK(heads == 2);
}

TEST_CASE("a session that waits for its PROXY header ends when the proxy stops", "[proxy][session][front]") {
  Gateway gateway;
  trust(gateway, "10.0.0.0/8", true);
  const Descriptor client = gateway.connect("10.0.0.1:4000");
  gateway.turn();
  gateway.sessions.at(0)->close_soon(DownstreamSession::Closing::kAll);
  gateway.turn();
  CHECK(is_at_end(client.get()));
  CHECK(gateway.sessions.empty());
}

TEST_CASE("a source with too many connections is closed, and a handed-over one counts until the worker's Closed",
          "[proxy][session][front]") {
  Gateway gateway;
  gateway.config.limits.source_connections = 1;
  gateway.put_in_force();
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  REQUIRE(gateway.handovers(HandoverResult::kAcked) == 1);
  CHECK(gateway.sessions.empty());

  CHECK(is_at_end(gateway.connect().get()));
  CHECK(refused(gateway, SourceRefusal::kConnections) == 1);
  CHECK_FALSE(is_at_end(gateway.connect("192.0.2.8:1").get()));

  worker.links.say(control::Closed{{{.epoch = Gateway::kEpoch, .n = worker.links.accepts[0].n, .reason = "normal"}}});
  gateway.turn();
  CHECK_FALSE(is_at_end(gateway.connect().get()));
}

TEST_CASE("the death of a worker frees the places of its connections", "[proxy][session][front]") {
  Gateway gateway;
  gateway.config.limits.source_connections = 1;
  gateway.put_in_force();
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  CHECK(is_at_end(gateway.connect().get()));
  worker.die();
  gateway.slot(0).exited();
  gateway.turn();
  CHECK_FALSE(is_at_end(gateway.connect().get()));
}

TEST_CASE("behind a balancer the limits hold for the client and not for the balancer", "[proxy][session][front]") {
  Gateway gateway;
  gateway.config.limits.source_connections = 1;
  gateway.put_in_force();
  trust(gateway, "10.0.0.0/8", true);
  const std::string header = "PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n";
  const Descriptor first = gateway.connect("10.0.0.1:4000");
  gateway.ask(first, header);
  const Descriptor second = gateway.connect("10.0.0.1:4001");
  gateway.ask(second, header);
  CHECK_FALSE(is_at_end(first.get()));
  CHECK(is_at_end(second.get()));
  CHECK(refused(gateway, SourceRefusal::kConnections) == 1);
}

TEST_CASE("negotiates above a source's rate are answered 429, each client's behind a balancer its own",
          "[proxy][session][front]") {
  Gateway gateway;
  gateway.config.limits.source_negotiate_rate = 1;
  gateway.config.limits.source_negotiate_burst = 1;
  gateway.put_in_force();
  trust(gateway, "10.0.0.0/8", false);
  FakeUpstream upstream;
  upstream.script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  gateway.add_upstream(upstream, 1, "web");
  const Descriptor balancer = gateway.connect("10.0.0.1:4000");
  const auto negotiate = [&](const std::string& client) {
    return status_of(gateway.ask(balancer, post("/live/negotiate", "", "X-Forwarded-For: " + client + "\r\n")));
  };
  CHECK(negotiate("198.51.100.9") == "HTTP/1.1 200 OK");
  CHECK(negotiate("198.51.100.9") == "HTTP/1.1 429 Too Many Requests");
  CHECK(negotiate("198.51.100.10") == "HTTP/1.1 200 OK");
  CHECK(refused(gateway, SourceRefusal::kNegotiateRate) == 1);
  gateway.advance(std::chrono::seconds(1));
  CHECK(negotiate("198.51.100.9") == "HTTP/1.1 200 OK");
}
