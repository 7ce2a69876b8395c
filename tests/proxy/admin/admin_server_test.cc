#include "proxy/admin/admin_server.h"

#include <sys/stat.h>

#include "common/net/connector.h"
#include "tests/proxy/admin/sample_status.h"
#include "tests/support/catch.h"
#include "tests/support/memory_log.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using test::contains;

namespace {

class FakeHost final : public AdminHost {
 public:
  bool is_ready() const override { return ready; }
  StatusReport status() const override { return test::sample_status(); }
  void collect(MetricsPage& page) const override { page.gauge("hubgate_proxy_descriptors", "Open descriptors.", 31); }
  const Snapshot& snapshot() const override { return *in_force; }
  VerbAnswer reload() override {
    ++reloads;
    return answer;
  }

  bool ready = true;
  int reloads = 0;
  VerbAnswer diff(const std::string& file) const override { return said("diff " + file); }
  VerbAnswer restart(const std::string& pool) override { return said("restart " + pool); }
  VerbAnswer rebalance(const std::string& pool) override { return said("rebalance " + pool); }
  VerbAnswer drain(const std::string& endpoint, bool drained) override {
    return said((drained ? "drain " : "undrain ") + endpoint);
  }
  VerbAnswer said(std::string line) const { return {answer.accepted, {std::move(line)}}; }

  VerbAnswer answer{true, {"log.level: info -> debug", "needs restart: user: a -> b"}};
  SnapshotPointer in_force = make_snapshot(ProxyConfig{});
};

/// An admin server with both doors, and a client that speaks to them in the same loop.
struct Fixture {
  Fixture() {
    server.listen(net::open_listening_socket(*net::Address::parse("127.0.0.1:0")).value());
    server.listen_for_verbs(AdminServer::open_socket(folder.path()).value());
  }

  Descriptor connect_to(const net::Address& address) {
    Descriptor client;
    net::Connector connector(loop, [&](Result<Descriptor> result) { client = std::move(result).value(); });
    connector.start(address, std::chrono::seconds(5));
    while (!client.is_open()) loop.turn(true);
    return client;
  }
  Descriptor connect(bool verbs) {
    return connect_to(verbs ? net::Address::parse("unix:" + AdminServer::socket_path(folder.path())).value()
                            : server.address());
  }
  // Sends a whole request that closes, and returns the whole answer.
  std::string ask(std::string_view request, bool verbs = false) {
    const Descriptor client = connect(verbs);
    REQUIRE(::send(client.get(), request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    std::string answer;
    while (true) {
      loop.turn(false);
      char piece[4096];
      const ssize_t count = ::recv(client.get(), piece, sizeof piece, MSG_DONTWAIT);
      if (count == 0) return answer;
      if (count > 0) answer.append(piece, static_cast<std::size_t>(count));
    }
  }
  std::string request(std::string_view line, std::string_view host, bool verbs = false) {
    return ask(std::string(line) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\nConnection: close\r\n\r\n", verbs);
  }
  std::string get(std::string_view target, std::string_view host = "localhost") {
    return request("GET " + std::string(target), host);
  }

  test::TemporaryFolder folder;
  event::Loop loop;
  test::MemoryLog log;
  FakeHost host;
  AdminServer server{loop, *log, host};
};

}  // namespace

TEST_CASE("healthz and readyz answer any Host", "[admin]") {
  Fixture f;
  CHECK_THAT(f.get("/healthz", "probe.example:1"), contains("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(f.get("/readyz", "10.0.0.1"), contains("HTTP/1.1 200 OK\r\n"));
  f.host.ready = false;
  CHECK_THAT(f.get("/readyz"), contains("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK_THAT(f.get("/healthz"), contains("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("metrics and status are shown", "[admin]") {
  Fixture f;
  CHECK_THAT(f.get("/metrics"), contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  CHECK_THAT(f.get("/metrics"), contains("\nhubgate_proxy_descriptors 31\n"));
  CHECK_THAT(f.get("/status"), contains("PROCESS"));
  CHECK_THAT(f.get("/status?format=json"), contains("Content-Type: application/json\r\n"));
  CHECK_THAT(f.get("/status?format=json"), contains("\"processes\""));
  CHECK_THAT(f.get("/status"), contains("Cache-Control: no-store\r\n"));
  CHECK_THAT(f.get("/"), contains("HTTP/1.1 404 Not Found\r\n"));
}

TEST_CASE("the TCP door answers allowed hosts only", "[admin]") {
  Fixture f;
  const auto allowed = GENERATE(as<std::string>{}, "localhost", "LOCALHOST:8081", "127.0.0.1", "127.0.0.1:1");
  CHECK_THAT(f.get("/status", allowed), contains("HTTP/1.1 200 OK\r\n"));
  const auto refused =
      GENERATE(as<std::string>{}, "evil.example", "localhost.evil.example", "[::1]:8081", "localhosts");
  CAPTURE(refused);
  CHECK_THAT(f.get("/status", refused), contains("HTTP/1.1 421 "));
  CHECK_THAT(f.get("/metrics", refused), contains("HTTP/1.1 421 "));
}

TEST_CASE("an IPv6 address is allowed with and without brackets, by the snapshot in force", "[admin]") {
  Fixture f;
  ProxyConfig config;
  config.admin.hosts = {GENERATE(as<std::string>{}, "::1", "[::1]")};
  f.host.in_force = make_snapshot(config);
  CHECK_THAT(f.get("/status", "[::1]:8081"), contains("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(f.get("/status", "[::1]"), contains("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(f.get("/status", "localhost"), contains("HTTP/1.1 421 "));
}

TEST_CASE("the TCP door answers GET only and takes no verb", "[admin]") {
  Fixture f;
  CHECK_THAT(f.request("POST /status", "localhost"), contains("HTTP/1.1 405 Method Not Allowed\r\n"));
  CHECK_THAT(f.request("DELETE /metrics", "localhost"), contains("Allow: GET\r\n"));
  CHECK_THAT(f.request("POST /reload", "localhost"), contains("HTTP/1.1 403 Forbidden\r\n"));
  CHECK_THAT(f.get("/reload"), contains("HTTP/1.1 403 Forbidden\r\n"));
  CHECK(f.host.reloads == 0);
}

TEST_CASE("the Unix socket is the owner's and takes verbs whatever the Host", "[admin]") {
  Fixture f;
  struct stat facts{};
  REQUIRE(::stat(AdminServer::socket_path(f.folder.path()).c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  const std::string taken = f.request("POST /reload", "any", true);
  CHECK_THAT(taken, contains("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(taken, contains("\r\n\r\nlog.level: info -> debug\nneeds restart: user: a -> b\n"));
  f.host.answer = {false, {"x.toml:1:1: error: what"}};
  const std::string refused = f.request("POST /reload", "any", true);
  CHECK_THAT(refused, contains("HTTP/1.1 422 "));
  CHECK_THAT(refused, contains("\r\n\r\nx.toml:1:1: error: what\n"));
  CHECK(f.host.reloads == 2);
  CHECK_THAT(f.request("GET /reload", "any", true), contains("HTTP/1.1 405 "));
  CHECK_THAT(f.request("GET /status", "any", true), contains("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("verbs on pools, endpoints and files are about what their query names", "[admin]") {
  Fixture f;
  const auto ask = [&f](const std::string& target) { return f.request("POST " + target, "any", true); };
  CHECK_THAT(ask("/restart?pool=main"), contains("\r\n\r\nrestart main\n"));
  CHECK_THAT(ask("/rebalance?pool=main"), contains("\r\n\r\nrebalance main\n"));
  CHECK_THAT(ask("/drain?endpoint=main%2f0"), contains("\r\n\r\ndrain main/0\n"));
  CHECK_THAT(ask("/undrain?endpoint=10.0.0.1:80"), contains("\r\n\r\nundrain 10.0.0.1:80\n"));
  CHECK_THAT(ask("/diff?file=/etc/a%20b.toml"), contains("\r\n\r\ndiff /etc/a b.toml\n"));
  for (const char* target : {"/restart", "/rebalance", "/drain?endpoint=", "/undrain?pool=main", "/diff"}) {
    CAPTURE(target);
    CHECK_THAT(ask(target), contains("HTTP/1.1 422 "));
  }
  CHECK_THAT(f.request("POST /restart?pool=main", "localhost"), contains("HTTP/1.1 403 Forbidden\r\n"));
  CHECK_THAT(f.request("GET /restart?pool=main", "any", true), contains("HTTP/1.1 405 "));
}

TEST_CASE("a stale admin socket is replaced", "[admin]") {
  const test::TemporaryFolder folder;
  {
    const auto first = AdminServer::open_socket(folder.path());
  }
  CHECK(AdminServer::open_socket(folder.path()).has_value());
}

TEST_CASE("connections end with the server", "[admin]") {
  Fixture f;
  const Descriptor client = f.connect(false);
  f.loop.turn(false);
  f.server.close();
  f.loop.turn(false);
  char byte;
  CHECK(::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0);
  CHECK(f.server.address().is_empty());
}
