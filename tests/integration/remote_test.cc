#include <csignal>
#include <map>
#include <set>
#include <string>

#include "common/net/listener.h"
#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/integration/lone_worker.h"
#include "tests/support/catch.h"

// Servers that run elsewhere: workers that nobody supervises, which know nothing of tags.

using namespace hubgate;
using test::Gateway;
using test::HubClient;
using test::LoneWorker;
using test::TemporaryFolder;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

std::string config_of(const std::vector<std::string>& endpoints, const std::string& more = {}) {
  std::string list;
  for (const std::string& one : endpoints) list += (list.empty() ? "\"" : ", \"") + one + "\"";
  return R"(runtime_dir = "run"
state_dir = "state"
stop_time = "2s"
redis = "off"
[admin]
listen = "127.0.0.1:0"
[listener.public]
listen = "127.0.0.1:0"
[limits]
slow_start = "0s"
[pool.far]
endpoints = [)" +
         list + "]\nhealth = {interval = \"100ms\", timeout = \"1s\"}\n" + more + R"(
[[route]]
prefix = "/chat"
pool = "far"
hub = true
)";
}

std::string state_of(const Gateway& gateway, const std::string& endpoint) {
  return gateway.endpoint(endpoint).value("state", "none");
}
void wait_for_state(const Gateway& gateway, const std::string& endpoint, const std::string& state) {
  wait_for(endpoint + " is " + state, [&] { return state_of(gateway, endpoint) == state; }, 20s);
}

// A port of the loopback address on which nobody listens.
std::string nobody() {
  const auto socket = net::open_listening_socket(net::Address::parse("127.0.0.1:0").value());
  REQUIRE(socket.has_value());
  return net::Address::local_of(socket->get()).to_string();
}

// By how many of so many clients each server was reached; each client's requests reach the server that it asked first.
std::map<std::string, int> spread(const Gateway& gateway, int count) {
  std::map<std::string, int> counts;
  for (int i = 0; i < count; ++i) {
    HubClient client(gateway.port(), "/chat");
    CHECK(client.token().size() == 24 + 22);
    const std::string server = std::to_string(client.call("WhoAmI")["pid"].get<int>());
    CHECK(std::to_string(client.call("WhoAmI")["pid"].get<int>()) == server);
    ++counts[server];
  }
  return counts;
}

}  // namespace

TEST_CASE("servers at an address, behind a name and at a Unix socket serve clients, those that are not there get none",
          "[integration]") {
  const TemporaryFolder folder;
  const LoneWorker tcp("127.0.0.1:0");
  const LoneWorker named("127.0.0.1:0");
  const LoneWorker local("unix:" + (folder / "worker.sock"));
  const std::string name = "localhost" + named.address().substr(named.address().rfind(':'));
  const std::string dead = nobody();
  const std::string unresolved = "no-such-host.invalid:80";
  Gateway gateway({.config = config_of({tcp.address(), name, local.address(), dead, unresolved})});
  wait_for_state(gateway, dead, "unhealthy");
  wait_for_state(gateway, unresolved, "unresolved");
  for (const std::string& one : {tcp.address(), name, local.address()}) wait_for_state(gateway, one, "healthy");
  const auto counts = spread(gateway, 30);
  CHECK(counts.size() == 3);
  for (const auto& [server, count] : counts) CHECK(count >= 5);
  CHECK(gateway.metric("hubgate_proxy_affinity_total{verdict=\"found\"}") == 30);
  CHECK(gateway.endpoint(dead)["requests"] == 0);
  CHECK(gateway.endpoint(unresolved)["up"] == false);
  CHECK_THAT(gateway.endpoint(name)["address"].get<std::string>(), test::contains(":"));
  CHECK_THAT(gateway.log(), test::contains("\"endpoint is not resolved\" pool=far endpoint=" + unresolved));
  CHECK(gateway.admin("/readyz").status == 200);
}

TEST_CASE("a server that dies loses its own clients only, and is used again when it is back", "[integration]") {
  LoneWorker stays("127.0.0.1:0");
  auto dies = std::make_unique<LoneWorker>("127.0.0.1:0");
  const std::string address = dies->address();
  Gateway gateway({.config = config_of({stays.address(), address})});
  wait_for_state(gateway, stays.address(), "healthy");
  wait_for_state(gateway, address, "healthy");
  std::vector<std::unique_ptr<HubClient>> clients;
  std::vector<std::unique_ptr<HubClient>> lost;
  for (int i = 0; i < 20; ++i) {
    auto client = std::make_unique<HubClient>(gateway.port(), "/chat");
    (client->call("WhoAmI")["pid"] == dies->pid() ? lost : clients).push_back(std::move(client));
  }
  REQUIRE(lost.size() >= 5);
  dies->kill();
  // At once, before any probe can have told: connects that are refused are tried at the other.
  CHECK(spread(gateway, 10).size() == 1);
  for (auto& client : lost) wait_for("the client's end", [&] { return client->has_ended(); });
  wait_for_state(gateway, address, "unhealthy");
  CHECK(gateway.metric("hubgate_proxy_endpoint_up{pool=\"far\",endpoint=\"" + address + "\"}") == 0);
  // A token of the dead one: another says that it knows nothing of it.
  test::TcpClient client(gateway.port());
  CHECK(client.request("GET", "/chat?id=" + lost.front()->token()).status == 404);

  const LoneWorker again(address);
  wait_for_state(gateway, address, "healthy");
  wait_for("a client at the server that is back", [&] {
    HubClient one(gateway.port(), "/chat");
    return one.call("WhoAmI")["pid"] == again.pid();
  });
  for (auto& one : clients) CHECK(one->call("WhoAmI")["pid"] == stays.pid());
}

TEST_CASE("where no server is healthy clients wait for one, and the gateway starts all the same", "[integration]") {
  const std::string address = nobody();
  Gateway gateway({.config = config_of({address})});
  wait_for_state(gateway, address, "unhealthy");
  CHECK(gateway.admin("/readyz").status == 503);
  CHECK(gateway.admin("/healthz").status == 200);
  test::TcpClient waiting(gateway.port());
  waiting.send("POST /chat/negotiate HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  wait_for("a request that waits", [&] { return gateway.metric("hubgate_proxy_queue_length{pool=\"far\"}") == 1; });
  const LoneWorker comes(address);
  const std::string answer = waiting.read([](const std::string& input) { return input.size(); });
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  wait_for_state(gateway, address, "healthy");
  CHECK(gateway.admin("/readyz").status == 200);
}

TEST_CASE("a reload adds and removes servers, and keeps what is known of the others", "[integration]") {
  const LoneWorker one("127.0.0.1:0");
  const LoneWorker two("127.0.0.1:0");
  const LoneWorker three("127.0.0.1:0");
  Gateway gateway({.config = config_of({one.address(), two.address()})});
  wait_for_state(gateway, one.address(), "healthy");
  wait_for_state(gateway, two.address(), "healthy");
  HubClient bound(gateway.port(), "/chat");
  while (bound.call("WhoAmI")["pid"] != two.pid()) bound = HubClient(gateway.port(), "/chat");
  const auto before = gateway.endpoint(one.address());

  gateway.write_config(config_of({one.address(), three.address()}, "balance = \"round_robin\"\n"));
  CHECK(gateway.command({"reload"}) == 0);
  CHECK(state_of(gateway, one.address()) == "healthy");
  CHECK(gateway.endpoint(one.address())["requests"] >= before["requests"]);
  CHECK(gateway.endpoint(one.address())["id"] == before["id"]);
  CHECK(state_of(gateway, two.address()) == "none");
  wait_for_state(gateway, three.address(), "healthy");
  CHECK(bound.call("WhoAmI")["pid"] == two.pid());  // until it ends by itself
  const auto counts = spread(gateway, 20);
  CHECK(counts.size() == 2);
  CHECK_FALSE(counts.contains(std::to_string(two.pid())));
}
