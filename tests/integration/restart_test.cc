#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"

// Workers are replaced, taken out of service, added and removed under clients that reconnect when they are told to.

using namespace hubgate;
using test::check_all_echo;
using test::connect_clients;
using test::Gateway;
using test::HubClient;
using test::HubClients;
using test::wait_for;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

void replace(std::string& text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  text.replace(at, what.size(), by);
}

std::string config_with(std::uint32_t workers, const std::string& drain_time = "2s") {
  std::string config = Gateway::usual_config();
  replace(config, "workers = 2", "workers = " + std::to_string(workers));
  replace(config, "drain_time = \"2s\"", "drain_time = \"" + drain_time + "\"");
  return config;
}

nlohmann::json restart_of(const Gateway& gateway) {
  const nlohmann::json status = gateway.status();
  return status.is_object() ? status["pools"][0]["restart"] : nlohmann::json::object();
}

/// Clients with automatic reconnect, and when each was told to go.
struct Reconnecting {
  explicit Reconnecting(const Gateway& its_gateway, std::size_t count)
      : gateway(its_gateway), clients(connect_clients(gateway, count)), closings(count) {}

  /// Whoever was told to go comes back. Any other end, or message, fails the test.
  void look() {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (!clients[i]->has_input() && !clients[i]->has_ended()) continue;
      const auto message = clients[i]->next_message_of_any_kind();
      REQUIRE(message.has_value());
      if ((*message)["type"] == 6) continue;
      REQUIRE((*message)["type"] == 7);
      REQUIRE((*message)["allowReconnect"] == true);
      closings[i].push_back(Clock::now());
      clients[i] = std::make_unique<HubClient>(gateway.port(), "/bench");
    }
  }
  std::size_t closed() const {
    return static_cast<std::size_t>(
        std::count_if(closings.begin(), closings.end(), [](const auto& one) { return !one.empty(); }));
  }
  bool is_none_closed_twice() const {
    return std::all_of(closings.begin(), closings.end(), [](const auto& one) { return one.size() <= 1; });
  }

  const Gateway& gateway;
  HubClients clients;
  std::vector<std::vector<Clock::time_point>> closings;
};

}  // namespace

TEST_CASE("a rolling restart closes each client once, all come back, and there is always a ready worker",
          "[integration]") {
  Gateway gateway({.config = config_with(2, "4s")});
  Reconnecting all(gateway, 300);
  const std::vector<pid_t> before = {gateway.pid_of("worker", "main/0"), gateway.pid_of("worker", "main/1")};
  REQUIRE(gateway.command({"restart", "main", "--no-wait"}) == 0);
  const auto limit = Clock::now() + 60s;
  std::size_t most_generations = 0;
  bool seen_draining = false;
  for (std::string state; state != "done";) {
    REQUIRE(Clock::now() < limit);
    all.look();
    const auto status = gateway.status();
    REQUIRE(status["ready"] == true);
    const auto& pool = status["pools"][0];
    state = pool["restart"]["state"];
    REQUIRE(state != "failing");
    seen_draining = seen_draining || pool["restart"]["draining"] == true;
    most_generations = std::max(most_generations, pool["endpoints"].size());
  }
  all.look();
  CHECK(seen_draining);
  CHECK(most_generations == 3);  // one slot after the other
  CHECK(all.closed() == 300);
  CHECK(all.is_none_closed_twice());
  check_all_echo(all.clients, "after");
  for (const pid_t pid : before) CHECK_FALSE(test::is_running(pid));
  CHECK(gateway.metric(R"(hubgate_proxy_worker_ends_total{pool="main",endpoint="main/0",cause="exit_0"})") == 1);

  // 150 clients of a worker over 4 s, and then those of the other: never many at once.
  std::vector<Clock::time_point> times;
  for (const auto& one : all.closings) times.insert(times.end(), one.begin(), one.end());
  std::sort(times.begin(), times.end());
  for (const auto& time : times) {
    CHECK(std::count_if(times.begin(), times.end(), [&](auto one) { return one >= time && one < time + 1s; }) < 75);
  }
  CHECK(times.back() - times.front() > 6s);
}

TEST_CASE("restart waits, and says what it cannot do", "[integration]") {
  Gateway gateway({.config = config_with(2, "1s")});
  const std::vector<pid_t> before = {gateway.pid_of("worker", "main/0"), gateway.pid_of("worker", "main/1")};
  CHECK(gateway.command({"restart", "main"}) == 0);
  for (const pid_t pid : before) CHECK_FALSE(test::is_running(pid));
  CHECK(restart_of(gateway)["state"] == "done");
  CHECK_THAT(test::TemporaryFolder::read(gateway.folder() / "command"), test::contains("2 of 2 workers replaced\n"));
  CHECK(gateway.command({"restart", "nobody"}) == 1);
  CHECK(gateway.command({"drain", "main/7"}) == 1);
}

TEST_CASE("a drained endpoint's clients go elsewhere, it stays, and serves again when it is undrained",
          "[integration]") {
  Gateway gateway({.config = config_with(2, "1s")});
  Reconnecting all(gateway, 40);
  const pid_t held = gateway.pid_of("worker", "main/0");
  CHECK(gateway.command({"drain", "main/0"}) == 0);
  wait_for("the drained worker", [&] {
    all.look();
    return gateway.endpoint("main/0")["state"] == "drained" && gateway.endpoint("main/1")["active"] == 40;
  });
  CHECK(all.is_none_closed_twice());
  CHECK(gateway.pid_of("worker", "main/0") == held);

  SECTION("also after the proxy's death") {
    const pid_t proxy = gateway.pid_of("proxy");
    ::kill(proxy, SIGKILL);
    wait_for("another proxy that knows", [&] {
      const pid_t now = gateway.pid_of("proxy");
      return now != 0 && now != proxy && gateway.endpoint("main/0").value("state", "") == "drained";
    });
    gateway.wait_until_ready();
  }
  SECTION("and its next generation too") {
    ::kill(held, SIGKILL);
    wait_for("the next generation", [&] {
      const pid_t now = gateway.pid_of("worker", "main/0");
      return now != 0 && now != held && gateway.endpoint("main/0")["state"] == "drained";
    });
  }
  auto more = connect_clients(gateway, 10);
  CHECK(gateway.endpoint("main/0")["active"] == 0);
  CHECK(gateway.command({"undrain", "main/0"}) == 0);
  wait_for("its return", [&] { return gateway.endpoint("main/0")["state"] == "ready"; });
  auto last = connect_clients(gateway, 30);
  wait_for("clients of it", [&] { return gateway.endpoint("main/0")["active"] > 0; });
  check_all_echo(all.clients, "after");
}

TEST_CASE("rebalance moves clients from a full worker to an empty one, each once", "[integration]") {
  Gateway gateway({.config = config_with(2, "1s"), .overrides = {"watch=false"}});
  REQUIRE(gateway.command({"drain", "main/0"}) == 0);
  Reconnecting all(gateway, 40);
  wait_for("all at one", [&] { return gateway.endpoint("main/1")["active"] == 40; });
  REQUIRE(gateway.command({"undrain", "main/0"}) == 0);
  REQUIRE(gateway.command({"rebalance", "main"}) == 0);
  const auto said = [&] { return test::TemporaryFolder::read(gateway.folder() / "command"); };
  CHECK_THAT(said(), test::contains("main/1: 20 of 40 connections asked to reconnect over 1s\n"));
  wait_for("both to have their share", [&] {
    all.look();
    return gateway.endpoint("main/0")["active"] == 20 && gateway.endpoint("main/1")["active"] == 20;
  });
  CHECK(all.closed() == 20);
  CHECK(all.is_none_closed_twice());
  REQUIRE(gateway.command({"rebalance", "main"}) == 0);
  CHECK_THAT(said(), test::contains("pool main is even\n"));
  CHECK(gateway.command({"rebalance", "nowhere"}) == 1);
  check_all_echo(all.clients, "after");
}

TEST_CASE("negotiates while the only worker is dead wait for the next one", "[integration]") {
  Gateway gateway({.config = config_with(1)});
  const pid_t worker = gateway.pid_of("worker", "main/0");
  for (int round = 0; round < 3; ++round) {
    std::vector<test::TcpClient> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(gateway.port());
    // Before, while and after it dies.
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (i == 5) ::kill(gateway.pid_of("worker", "main/0"), SIGKILL);
      clients[i].send("POST /bench/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    }
    for (auto& client : clients) {
      const std::string head = client.read([](const std::string& input) {
        const std::size_t end = input.find("\r\n\r\n");
        return end == std::string::npos ? 0 : end + 4;
      });
      CHECK_THAT(head, test::contains("HTTP/1.1 200 OK\r\n"));
    }
    wait_for("the next worker", [&] { return gateway.is_ready(); });
  }
  CHECK(gateway.pid_of("worker", "main/0") != worker);
  CHECK(gateway.metric(R"(hubgate_proxy_queued_total{pool="main"})") > 0);
  CHECK(gateway.metric(R"(hubgate_proxy_queue_timeouts_total{pool="main"})") == 0);
  CHECK(gateway.metric(R"(hubgate_proxy_worker_ends_total{pool="main",endpoint="main/0",cause="signal_9"})") == 3);
}

TEST_CASE("a pool grows and shrinks with a reload, and only the difference notices", "[integration]") {
  Gateway gateway({.config = config_with(2, "1s"), .overrides = {"watch=false"}});
  Reconnecting all(gateway, 60);
  const std::vector<pid_t> kept = {gateway.pid_of("worker", "main/0"), gateway.pid_of("worker", "main/1")};
  gateway.write_config(config_with(4, "1s"));
  REQUIRE(gateway.command({"reload"}) == 0);
  wait_for("four workers", [&] {
    return gateway.endpoint("main/2").value("state", "") == "ready" && gateway.pid_of("worker", "main/3") != 0;
  });
  all.look();
  CHECK(all.closed() == 0);
  auto more = connect_clients(gateway, 60);
  wait_for("their load", [&] {
    return gateway.endpoint("main/2")["active"].get<int>() + gateway.endpoint("main/3")["active"].get<int>() >= 30;
  });

  gateway.folder().write("wanted.toml", config_with(1, "1s"));
  REQUIRE(gateway.command({"diff", gateway.folder() / "wanted.toml"}) == 0);
  const std::string said = test::TemporaryFolder::read(gateway.folder() / "command");
  CHECK_THAT(said, test::contains("pool.main.workers: 4 -> 1 ("));
  CHECK_THAT(said, test::contains(" connections asked to reconnect over 1s)\n"));
  CHECK(gateway.status()["pools"][0]["endpoints"].size() == 4);  // diff changes nothing
  gateway.folder().write("wanted.toml", "nonsense = 1\n");
  CHECK(gateway.command({"diff", gateway.folder() / "wanted.toml"}) == 78);

  gateway.write_config(config_with(1, "1s"));
  REQUIRE(gateway.command({"reload"}) == 0);
  const std::size_t of_the_kept = gateway.endpoint("main/0")["active"];
  wait_for("one worker", [&] {
    all.look();
    return gateway.status()["pools"][0]["endpoints"].size() == 1;
  });
  all.look();
  CHECK(gateway.pid_of("worker", "main/0") == kept[0]);
  CHECK_FALSE(test::is_running(kept[1]));
  CHECK(all.is_none_closed_twice());
  CHECK(all.closed() > 0);
  CHECK(all.closed() < 60);
  CHECK(of_the_kept > 0);
  CHECK(gateway.status()["needs_restart"].empty());
  check_all_echo(all.clients, "after");
}

TEST_CASE("another command replaces the workers; one that does not work replaces none, and can be taken back",
          "[integration]") {
  Gateway gateway({.config = config_with(2, "1s"), .overrides = {"watch=false"}});
  Reconnecting all(gateway, 40);
  const pid_t first = gateway.pid_of("worker", "main/0");
  std::string broken = config_with(2, "1s");
  replace(broken, "[\"hubgate-worker\"]", "[\"/bin/false\"]");
  gateway.write_config(broken);
  REQUIRE(gateway.command({"reload"}) == 0);
  wait_for("the breaker", [&] { return restart_of(gateway).value("state", "") == "failing"; }, 20s);
  CHECK(gateway.metric(R"(hubgate_proxy_worker_failed{pool="main",endpoint="main/0"})") == 1);
  CHECK(gateway.is_ready());
  CHECK(gateway.command({"restart", "main"}) == 1);
  all.look();
  CHECK(all.closed() == 0);
  check_all_echo(all.clients, "meanwhile");

  std::string other = config_with(2, "1s");
  SECTION("taken back: the restart that was asked for goes on") {
    gateway.write_config(other);
    REQUIRE(gateway.command({"reload"}) == 0);
  }
  SECTION("another one") {
    replace(other, "[\"hubgate-worker\"]", "[\"hubgate-worker\", \"--user-from-query\"]");
    gateway.write_config(other);
    REQUIRE(gateway.command({"reload"}) == 0);
  }
  wait_for(
      "both workers",
      [&] {
        all.look();
        return restart_of(gateway).value("state", "") == "done";
      },
      30s);
  all.look();
  CHECK(all.closed() == 40);
  CHECK(all.is_none_closed_twice());
  CHECK_FALSE(test::is_running(first));
  check_all_echo(all.clients, "after");
}

TEST_CASE("a pool comes with a reload and goes with the next, without a moment of unreadiness", "[integration]") {
  Gateway gateway({.config = config_with(1, "1s"), .overrides = {"watch=false"}});
  auto others = connect_clients(gateway, 10);
  const std::string more = R"([pool.more]
command = ["hubgate-worker"]
drain_time = "1s"
[[route]]
prefix = "/more"
pool = "more"
)";
  std::string config = config_with(1, "1s");
  replace(config, "[[route]]\nprefix = \"/bench\"\npool = \"main\"\n",
          "[[route]]\nprefix = \"/bench\"\npool = \"main\"\nlisteners = [\"public\"]\n");
  const std::string with_more = config + more;
  for (int round = 0; round < 2; ++round) {
    gateway.write_config(with_more);
    REQUIRE(gateway.command({"reload"}) == 0);
    CHECK(gateway.is_ready());
    // It is there before it is ready: who comes waits.
    test::TcpClient client(gateway.port());
    CHECK(client.request("GET", "/more").status == 404);  // a worker's word: it has no such hub
    const pid_t worker = gateway.pid_of("worker", "more/0");
    CHECK(worker != 0);
    gateway.write_config(config);
    REQUIRE(gateway.command({"reload"}) == 0);
    CHECK(test::TcpClient(gateway.port()).request("GET", "/more").status == 404);
    wait_for("its end", [&] { return !test::is_running(worker) && gateway.status()["pools"].size() == 1; });
  }
  check_all_echo(others, "after");
}
