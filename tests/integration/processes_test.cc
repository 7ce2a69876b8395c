#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"

// What happens to a gateway's processes, with the real programs: only so is it true.

using namespace hubgate;
using test::check_all_echo;
using test::connect_clients;
using test::Gateway;
using test::HubClient;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

// Connections of a worker, by its own word.
std::size_t active_of(const Gateway& gateway, const std::string& worker) {
  return gateway.endpoint(worker).value("active", std::size_t{0});
}

void wait_until_gone(const std::vector<pid_t>& pids, std::chrono::milliseconds limit) {
  wait_for("the end of all processes", [&] { return std::none_of(pids.begin(), pids.end(), test::is_running); }, limit);
}

// Each is told to come again before it is cut.
void check_goodbyes(test::HubClients& clients) {
  for (auto& client : clients) {
    const auto last = client->next_message();
    REQUIRE(last.has_value());
    CHECK((*last)["type"] == 7);
    CHECK((*last)["allowReconnect"] == true);
  }
}

// It and all that come from it, whether the status knows them or not.
std::vector<pid_t> family_of(pid_t ancestor) {
  std::vector<pid_t> family = {ancestor};
  for (std::size_t i = 0; i < family.size(); ++i) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream file(entry.path() / "stat");
      std::string stat;
      if (!std::getline(file, stat)) continue;
      // "pid (program) state parent …", and a program's name may hold anything.
      if (std::stoi(stat.substr(stat.rfind(')') + 4)) == family[i]) family.push_back(std::stoi(name));
    }
  }
  return family;
}

}  // namespace

TEST_CASE("a gateway says once that it is ready, and a TERM with clients open leaves no process", "[integration]") {
  Gateway gateway;
  CHECK(gateway.output() == "ready http://127.0.0.1:" + std::to_string(gateway.port()) + " admin=http://127.0.0.1:" +
                                std::to_string(gateway.admin_port()) + " runtime=" + gateway.folder() / "run" + "\n");
  CHECK(gateway.is_ready());
  const std::vector<pid_t> pids = gateway.all_pids();
  CHECK(pids.size() == 5);  // supervisor, proxy, Redis, two workers
  const pid_t worker = gateway.pid_of("worker", "main/0");
  auto clients = connect_clients(gateway, 4);
  check_all_echo(clients, "here");
  gateway.signal(SIGTERM);
  check_goodbyes(clients);
  CHECK(gateway.wait_for_end() == 0);
  wait_until_gone(pids, 1s);
  CHECK(gateway.log().find("[main/0 " + std::to_string(worker) + "] ") != std::string::npos);
}

TEST_CASE("a TERM lets the workers say goodbye to relayed clients, too", "[integration]") {
  Gateway gateway({.overrides = {"pool.main.handover=off"}});
  auto clients = connect_clients(gateway, 20);
  check_all_echo(clients, "here");
  gateway.signal(SIGTERM);
  check_goodbyes(clients);
  CHECK(gateway.wait_for_end() == 0);
}

TEST_CASE("the demo's configuration serves its page and its hubs, and a TERM leaves no process", "[integration]") {
  const test::TemporaryFolder home;
  // As scripts/run starts it.
  Gateway gateway({.config_file = "conf/hubgate.toml",
                   .overrides = {"runtime_dir=" + (home / "run"), "state_dir=" + (home / "state"),
                                 "listener.public.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", "stop_time=2s"}});
  const auto page = test::TcpClient(gateway.port()).request("GET", "/", false);
  CHECK(page.status == 200);
  CHECK_THAT(page.head, test::contains("Content-Type: text/html"));
  CHECK_THAT(page.body, test::contains("app.js"));
  HubClient tab(gateway.port(), "/chat");
  HubClient other(gateway.port(), "/chat");
  tab.send("Send", {"hello"});
  const auto message = other.next_message();
  REQUIRE(message.has_value());
  CHECK((*message)["arguments"][1] == "hello");
  const std::vector<pid_t> pids = family_of(gateway.supervisor());
  CHECK(pids.size() == 5);
  gateway.signal(SIGTERM);
  CHECK(gateway.wait_for_end() == 0);
  wait_until_gone(pids, 1s);
}

TEST_CASE("kill -9 of the proxy drops no handed-over connection", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 500);
  check_all_echo(clients, "before");
  CHECK(gateway.metric("hubgate_proxy_handovers_total{result=\"acked\"}") == 500);
  const pid_t proxy = gateway.pid_of("proxy");
  const pid_t worker = gateway.pid_of("worker", "main/0");
  for (auto& client : clients) client->send("Echo", {"during"}, "during");
  const auto killed_at = std::chrono::steady_clock::now();
  ::kill(proxy, SIGKILL);
  for (auto& client : clients) {
    const auto message = client->next_message();
    REQUIRE(message.has_value());
    CHECK((*message)["result"] == "during");
  }
  wait_for("another proxy", [&] {
    const pid_t now = gateway.pid_of("proxy");
    return now != 0 && now != proxy;
  });
  gateway.wait_until_ready();
  HubClient fresh(gateway.port(), "/bench");
  CHECK(fresh.call("Echo", {"new"}) == "new");
  CHECK(std::chrono::steady_clock::now() - killed_at < 10s);
  check_all_echo(clients, "after");
  CHECK(gateway.pid_of("worker", "main/0") == worker);
  const std::string output = gateway.output();
  CHECK(std::count(output.begin(), output.end(), '\n') == 1);  // it is not ready for the first time
  // Its last load of each worker is known again.
  wait_for("the workers' loads", [&] { return active_of(gateway, "main/0") + active_of(gateway, "main/1") == 501; });
}

TEST_CASE("a TERM of the proxy ends only what it relays, and another one comes at once", "[integration]") {
  std::string config = Gateway::usual_config();
  for (std::size_t at = 0; (at = config.find("pool = \"main\"\n", at)) != std::string::npos; at += 14) {
    config.insert(at + 14, "listeners = [\"public\"]\n");
  }
  Gateway gateway({.config = config + R"([pool.relayed]
command = ["hubgate-worker"]
handover = "off"
[listener.relayed]
listen = "127.0.0.1:0"
[[route]]
prefix = "/"
pool = "relayed"
listeners = ["relayed"]
)"});
  auto clients = connect_clients(gateway, 20);
  const auto status = gateway.status();
  std::uint16_t relayed_port = 0;
  for (const auto& listener : status["listeners"]) {
    const std::string address = listener["address"];
    if (listener["name"] == "relayed")
      relayed_port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  HubClient relayed(relayed_port, "/bench");
  CHECK(relayed.call("Echo", {"x"}) == "x");
  const pid_t proxy = gateway.pid_of("proxy");
  ::kill(proxy, SIGTERM);
  while (relayed.next_message()) {
  }
  wait_for("another proxy", [&] {
    const pid_t now = gateway.pid_of("proxy");
    return now != 0 && now != proxy;
  });
  check_all_echo(clients, "after");
  gateway.wait_until_ready();
  HubClient again(relayed_port, "/bench");
  CHECK(again.call("Echo", {"y"}) == "y");
}

TEST_CASE("kill -9 of the supervisor leaves nothing after 5 s", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 10);
  const std::vector<pid_t> pids = gateway.all_pids();
  const bool stopped_worker = GENERATE(false, true);
  if (stopped_worker) ::kill(gateway.pid_of("worker", "main/0"), SIGSTOP);  // it cannot hear of the end
  gateway.signal(SIGKILL);
  wait_until_gone(pids, 5s);
  CHECK(gateway.wait_for_end() == -1);
}

TEST_CASE("when the supervisor is killed a new gateway may start at once", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 10);
  const std::vector<pid_t> pids = gateway.all_pids();
  gateway.signal(SIGKILL);
  CHECK(gateway.wait_for_end() == -1);
  // The same directories and the same address, while the old one is still ending.
  Gateway next({.overrides = {"runtime_dir=" + (gateway.folder() / "run"), "state_dir=" + (gateway.folder() / "state"),
                              "listener.public.listen=127.0.0.1:" + std::to_string(gateway.port())}});
  CHECK(next.port() == gateway.port());
  CHECK(HubClient(next.port(), "/bench").call("Echo", {1}) == 1);
  wait_until_gone(pids, 5s);
}

TEST_CASE("a killed worker takes only its own connections along, and comes back", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 40);
  const pid_t killed = gateway.pid_of("worker", "main/0");
  const auto generation = [&] { return gateway.endpoint("main/0").value("generation", std::uint64_t{0}); };
  const std::uint64_t before = generation();
  wait_for("both workers' loads", [&] { return active_of(gateway, "main/0") + active_of(gateway, "main/1") == 40; });
  const std::size_t lost = active_of(gateway, "main/0");
  CHECK(lost >= 10);
  ::kill(killed, SIGKILL);
  wait_for("the drops", [&] {
    return static_cast<std::size_t>(
               std::count_if(clients.begin(), clients.end(), [](auto& one) { return one->has_ended(); })) >= lost;
  });
  wait_for("its return", [&] {
    const pid_t now = gateway.pid_of("worker", "main/0");
    return now != 0 && now != killed && gateway.is_ready();
  });
  std::erase_if(clients, [](auto& one) { return one->has_ended(); });
  CHECK(clients.size() == 40 - lost);
  check_all_echo(clients, "still here");
  wait_for("a later generation", [&] { return generation() > before; });
}

TEST_CASE("a TERM of a worker drains it while the next generation serves", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 10);
  const pid_t old = gateway.pid_of("worker", "main/1");
  ::kill(old, SIGTERM);
  wait_for("the next generation", [&] {
    const auto status = gateway.status();
    std::size_t ready = 0;
    for (const auto& process : status["processes"]) {
      if (process["role"] == "worker" && process["state"] == "ready" && process["pid"] != old) ++ready;
    }
    return ready == 2;
  });
  wait_for("the old one's end", [&] { return !test::is_running(old); });
  std::size_t told = 0;
  for (auto& client : clients) {
    client->send("Echo", {"x"}, "x");
    const auto message = client->next_message();
    if (!message || (*message)["type"] != 7) continue;
    CHECK((*message)["allowReconnect"] == true);
    ++told;
  }
  CHECK(told >= 2);
  CHECK(told <= 8);
}

TEST_CASE("managed Redis is private, and comes back when it is killed", "[integration]") {
  Gateway gateway;
  const std::string address = gateway.status()["redis"];
  REQUIRE(address.starts_with("unix:" + gateway.folder() / "run/run-" + std::to_string(gateway.supervisor()) + "/"));
  struct stat facts{};
  REQUIRE(::stat((gateway.folder() / "run/run-" + std::to_string(gateway.supervisor())).c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777U) == 0700U);
  HubClient one(gateway.port(), "/bench");
  one.call("JoinGroup", {"g"});
  const pid_t redis = gateway.pid_of("redis");
  ::kill(redis, SIGKILL);
  wait_for("Redis, and the workers' links to it", [&] {
    const pid_t now = gateway.pid_of("redis");
    if (now == 0 || now == redis) return false;
    const auto status = gateway.status();
    const auto& endpoints = status["pools"][0]["endpoints"];
    return status["redis_state"] == "ready" &&
           std::all_of(endpoints.begin(), endpoints.end(),
                       [](const auto& endpoint) { return endpoint["redis_state"] == "ready"; });
  });
  CHECK(gateway.status()["redis"] == address);
  HubClient other(gateway.port(), "/bench");
  other.call("SendToGroup", {"g", "hello"});
  const auto message = one.next_message();
  REQUIRE(message.has_value());
  CHECK((*message)["target"] == "msg");
}

TEST_CASE("two gateways never share a directory, and run side by side in two", "[integration]") {
  Gateway first;
  const bool same_runtime = GENERATE(true, false);
  const std::string shared = std::string(same_runtime ? "runtime_dir" : "state_dir") + "=" +
                             (first.folder() / (same_runtime ? "run" : "state"));
  Gateway second({.overrides = {shared}, .wait_until_ready = false});
  CHECK(second.wait_for_end() == 69);
  CHECK_THAT(second.log(), test::contains("process " + std::to_string(first.supervisor())));
  CHECK(first.is_ready());
  Gateway beside;
  CHECK(beside.is_ready());
  CHECK(HubClient(beside.port(), "/bench").call("Echo", {1}) == 1);
  CHECK(HubClient(first.port(), "/bench").call("Echo", {2}) == 2);
}

TEST_CASE("a gateway that cannot start says why and ends with the proxy's exit code", "[integration]") {
  SECTION("a broken file") {
    Gateway gateway({.config = "runtime_dir = 5\nnonsense = true\n", .wait_until_ready = false});
    CHECK(gateway.wait_for_end() == 78);
    CHECK_THAT(gateway.log(), test::contains("hubgate.toml:1:"));
    CHECK_THAT(gateway.log(), test::contains("hubgate.toml:2:"));
  }
  SECTION("an address in use") {
    Gateway other;
    Gateway gateway(
        {.overrides = {"listener.public.listen=127.0.0.1:" + std::to_string(other.port())}, .wait_until_ready = false});
    CHECK(gateway.wait_for_end() == 69);
    CHECK_THAT(gateway.log(), test::contains("127.0.0.1:" + std::to_string(other.port())));
  }
  SECTION("a user that does not exist") {
    Gateway gateway({.overrides = {"user=nobody-of-that-name"}, .wait_until_ready = false});
    CHECK(gateway.wait_for_end() == 78);
    CHECK_THAT(gateway.log(), test::contains("nobody-of-that-name"));
  }
}

TEST_CASE("a proxy that comes back to a broken file runs the kept one and says so", "[integration]") {
  Gateway gateway({.overrides = {"watch=false"}});
  auto clients = connect_clients(gateway, 5);
  gateway.write_config("[[route]]\nprefix = \n");
  CHECK(gateway.command({"reload"}) == 78);
  CHECK(gateway.status()["last_reload_ok"] == false);
  const pid_t proxy = gateway.pid_of("proxy");
  ::kill(proxy, SIGKILL);
  wait_for("another proxy", [&] {
    const pid_t now = gateway.pid_of("proxy");
    return now != 0 && now != proxy;
  });
  gateway.wait_until_ready();
  CHECK(gateway.status()["kept_config"] == true);
  check_all_echo(clients, "after");
  CHECK(HubClient(gateway.port(), "/bench").call("Echo", {1}) == 1);
  gateway.write_config(Gateway::usual_config());
  CHECK(gateway.command({"reload"}) == 0);
  CHECK(gateway.status()["kept_config"] == false);
}

TEST_CASE("what needs a restart of the gateway is not changed by the death of the proxy", "[integration]") {
  Gateway gateway;
  const pid_t redis = gateway.pid_of("redis");
  const pid_t worker = gateway.pid_of("worker", "main/0");
  gateway.write_config("redis = \"unix:/nowhere/redis.sock\"\n" + Gateway::usual_config() +
                       "[[route]]\nprefix = \"/more\"\npool = \"main\"\n");
  REQUIRE(gateway.command({"reload"}) == 0);
  const auto needs_restart = gateway.status()["needs_restart"];
  REQUIRE(needs_restart.size() == 1);
  const std::uint64_t revision = gateway.status()["revision"];
  CHECK(revision == 2);

  const pid_t proxy = gateway.pid_of("proxy");
  ::kill(proxy, SIGKILL);
  wait_for("another proxy", [&] { return gateway.is_ready() && gateway.pid_of("proxy") != proxy; });
  CHECK(gateway.status()["needs_restart"] == needs_restart);
  CHECK(gateway.status()["revision"] > revision);
  CHECK(gateway.pid_of("redis") == redis);
  CHECK(gateway.pid_of("worker", "main/0") == worker);
  HubClient client(gateway.port(), "/chat");
  CHECK(client.call("Join", {"room"}).is_null());
}

TEST_CASE("a proxy comes back although what the gateway began with is gone", "[integration]") {
  const auto with_folder = [](const std::string& name) {
    return Gateway::usual_config() + "[[route]]\nprefix = \"/files\"\nfolder = \"" + name + "\"\n";
  };
  const test::TemporaryFolder home;
  for (const char* name : {"old", "new"}) {
    std::filesystem::create_directory(home / name);
    home.write(std::string(name) + "/name.txt", name);
  }
  Gateway gateway({.config = with_folder(home / "old")});
  gateway.write_config("redis = \"unix:/nowhere/redis.sock\"\n" + with_folder(home / "new"));
  REQUIRE(gateway.command({"reload"}) == 0);
  std::filesystem::remove_all(home / "old");
  const pid_t redis = gateway.pid_of("redis");

  const pid_t proxy = gateway.pid_of("proxy");
  ::kill(proxy, SIGKILL);
  wait_for("another proxy", [&] { return gateway.is_ready() && gateway.pid_of("proxy") != proxy; });
  CHECK(test::TcpClient(gateway.port()).request("GET", "/files/name.txt", false).body == "new");
  CHECK(gateway.status()["needs_restart"].size() == 1);
  CHECK(gateway.pid_of("redis") == redis);
}

TEST_CASE("a HUP of the supervisor reloads", "[integration]") {
  Gateway gateway({.overrides = {"watch=false"}});
  const auto revision = gateway.status()["revision"];
  gateway.write_config(Gateway::usual_config() + "[[route]]\nprefix = \"/more\"\npool = \"main\"\n");
  gateway.signal(SIGHUP);
  wait_for("another revision", [&] { return gateway.status()["revision"] != revision; });
}

TEST_CASE("descriptors of handed-over connections do not stay with the proxy", "[integration]") {
  Gateway gateway({.overrides = {"limits.keep_alive_idle=1s", "limits.idle_connection_age=1s"}});
  // Ours for asking included; so each time.
  const double before = gateway.metric("hubgate_proxy_descriptors");
  auto clients = connect_clients(gateway, 100);
  wait_for("the start value", [&] { return gateway.metric("hubgate_proxy_descriptors") <= before; });
  check_all_echo(clients, "x");
}
