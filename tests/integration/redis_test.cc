#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"
#include "tests/support/real_redis.h"
#include "tests/support/temporary_folder.h"

// The death of managed Redis, and a bad day of an outside one, under clients that stay.

using namespace hubgate;
using test::Gateway;
using test::HubClient;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

// What every worker says of its link to Redis.
bool all_say(const Gateway& gateway, bool is_ready) {
  const auto status = gateway.status();
  if (!status.is_object()) return false;
  const auto& endpoints = status["pools"][0]["endpoints"];
  return std::all_of(endpoints.begin(), endpoints.end(),
                     [&](const auto& endpoint) { return (endpoint["redis_state"] == "ready") == is_ready; });
}

void wait_until_back(const Gateway& gateway, pid_t killed) {
  wait_for("Redis, and the workers' links to it", [&] {
    const pid_t now = gateway.pid_of("redis");
    return now != 0 && now != killed && gateway.status()["redis_state"] == "ready" && all_say(gateway, true);
  });
}

// The supervisor starts what has ended; while it is stopped, nothing comes back.
class StoppedSupervisor {
 public:
  explicit StoppedSupervisor(const Gateway& gateway) : gateway_(gateway) { gateway_.signal(SIGSTOP); }
  ~StoppedSupervisor() { gateway_.signal(SIGCONT); }
  StoppedSupervisor(const StoppedSupervisor&) = delete;
  StoppedSupervisor& operator=(const StoppedSupervisor&) = delete;

 private:
  const Gateway& gateway_;
};

struct Client {
  explicit Client(const Gateway& gateway) : hub(gateway.port(), "/chat") { worker = hub.call("WhoAmI")["worker"]; }
  // The text of the next Receive; an answer in between is passed over.
  std::string next_text() {
    for (;;) {
      const auto message = hub.next_message();
      REQUIRE(message.has_value());
      if ((*message)["type"] == 1) return (*message)["arguments"][1];
      REQUIRE((*message)["type"] == 3);
    }
  }
  HubClient hub;
  std::string worker;
};

std::vector<std::unique_ptr<Client>> connect(const Gateway& gateway, std::size_t count) {
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < count; ++i) clients.push_back(std::make_unique<Client>(gateway));
  return clients;
}

double sum_of_workers(const Gateway& gateway, const std::string& series) {
  double sum = 0;
  for (const char* endpoint : {"main/0", "main/1"}) {
    const std::string labels =
        "{hub=\"Demo.ChatHub\",path=\"/chat\",pool=\"main\",endpoint=\"" + std::string(endpoint) + "\"}";
    sum += std::max(0.0, gateway.metric(series + labels));
  }
  return sum;
}

}  // namespace

TEST_CASE("a Redis outside is used by its address, and none is started", "[integration]") {
  const test::RealRedis redis(GENERATE(test::RealRedis::Listens::kUnix, test::RealRedis::Listens::kTcp));
  Gateway gateway({.config = "redis = \"" + redis.url() + "\"\n" + Gateway::usual_config()});
  CHECK(gateway.pid_of("redis") == 0);
  CHECK(gateway.all_pids().size() == 4);  // supervisor, proxy, two workers
  auto clients = connect(gateway, 2);
  REQUIRE(clients[0]->worker != clients[1]->worker);
  for (auto& client : clients) client->hub.call("Join", {"room"});
  clients[0]->hub.send("SendToGroup", {"room", "across"});
  CHECK(clients[1]->next_text() == "across");
}

TEST_CASE("what dead runs left is removed, and nothing else", "[integration]") {
  const test::TemporaryFolder home;
  for (const char* name : {"run-1", "run-mine", "run-"}) {
    std::filesystem::create_directories(home / "run/" + name);
    home.write("run/" + std::string(name) + "/file", "here");
  }
  std::filesystem::create_directory_symlink(home / "run/run-mine", home / "run/run-2");
  Gateway gateway({.overrides = {"runtime_dir=" + (home / "run")}});
  CHECK_FALSE(std::filesystem::exists(home / "run/run-1"));
  CHECK(test::TemporaryFolder::read(home / "run/run-mine/file") == "here");
  CHECK(test::TemporaryFolder::read(home / "run/run-/file") == "here");
}

TEST_CASE("one worker needs no Redis", "[integration]") {
  Gateway gateway({.config = "redis = \"off\"\n" + Gateway::usual_config(), .overrides = {"pool.main.workers=1"}});
  CHECK(gateway.all_pids().size() == 3);
  auto clients = connect(gateway, 2);
  for (auto& client : clients) client->hub.call("Join", {"room"});
  clients[0]->hub.send("SendToGroup", {"room", "here"});
  CHECK(clients[1]->next_text() == "here");
}

TEST_CASE("a group works again after each kill -9 of managed Redis, and no client had to reconnect", "[integration]") {
  Gateway gateway;
  auto clients = connect(gateway, 40);
  for (auto& client : clients) client->hub.call("Join", {"room"});
  for (int death = 1; death <= 3; ++death) {
    const pid_t redis = gateway.pid_of("redis");
    REQUIRE(redis > 0);
    ::kill(redis, SIGKILL);
    wait_until_back(gateway, redis);
    // Each sends, each receives from all: once, and a sender's in its order.
    const std::string text = std::to_string(death) + ":";
    for (int n = 0; n < 2; ++n) {
      for (std::size_t i = 0; i < clients.size(); ++i) {
        clients[i]->hub.send("SendToGroup", {"room", text + std::to_string(i) + ":" + std::to_string(n)});
      }
    }
    for (auto& client : clients) {
      std::vector<int> next(clients.size());
      for (std::size_t count = 0; count < 2 * clients.size(); ++count) {
        const std::string got = client->next_text();
        REQUIRE(got.starts_with(text));
        const std::size_t from = std::stoul(got.substr(text.size()));
        REQUIRE(std::stoi(got.substr(got.rfind(':') + 1)) == next.at(from)++);
      }
    }
  }
  CHECK(std::none_of(clients.begin(), clients.end(), [](auto& client) { return client->hub.has_ended(); }));
}

TEST_CASE("while Redis is down a group's members on the sender's worker get each message once", "[integration]") {
  Gateway gateway;
  auto clients = connect(gateway, 12);
  for (auto& client : clients) client->hub.call("Join", {"room"});
  Client& sender = *clients.front();
  const auto is_local = [&](const auto& client) { return client->worker == sender.worker; };
  const auto locals = std::count_if(clients.begin(), clients.end(), is_local);
  REQUIRE(locals >= 2);
  REQUIRE(static_cast<std::size_t>(locals) < clients.size());
  const pid_t redis = gateway.pid_of("redis");
  {
    const StoppedSupervisor stopped(gateway);
    ::kill(redis, SIGKILL);
    wait_for("every worker's word that Redis is down", [&] { return all_say(gateway, false); });
    for (int n = 0; n < 20; ++n) sender.hub.send("SendToGroup", {"room", "down " + std::to_string(n)});
    for (auto& client : clients) {
      if (!is_local(client)) continue;
      for (int n = 0; n < 20; ++n) REQUIRE(client->next_text() == "down " + std::to_string(n));
    }
    // Clients come and join meanwhile.
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<Client>(gateway));
      clients.back()->hub.call("Join", {"room"});
    }
    CHECK(all_say(gateway, false));
  }
  wait_until_back(gateway, redis);
  // Whatever went out twice or too late would come first.
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string text = "back " + std::to_string(i);
    clients[i]->hub.send("SendToGroup", {"room", text});
    for (auto& client : clients) REQUIRE(client->next_text() == text);
  }
}

TEST_CASE("joins that wait for Redis complete when it dies, and hold when it is back", "[integration]") {
  constexpr std::size_t kJoins = 40;
  Gateway gateway;
  auto clients = connect(gateway, kJoins);
  const pid_t redis = gateway.pid_of("redis");
  const auto received = [&] { return sum_of_workers(gateway, "hubgate_hub_calls_total"); };
  wait_for("the workers' counts so far", [&] { return received() == kJoins; });
  ::kill(redis, SIGSTOP);  // it confirms nothing
  for (std::size_t i = 0; i < kJoins; ++i) clients[i]->hub.send("Join", {"room " + std::to_string(i)}, "join");
  wait_for("the joins", [&] { return received() == 2 * kJoins; }, 4s);
  CHECK(std::none_of(clients.begin(), clients.end(), [](auto& client) { return client->hub.has_input(); }));
  ::kill(redis, SIGKILL);
  for (auto& client : clients) {
    const auto message = client->hub.next_message();
    REQUIRE(message.has_value());
    REQUIRE((*message)["invocationId"] == "join");
    REQUIRE_FALSE(message->contains("error"));
  }
  wait_until_back(gateway, redis);
  CHECK(sum_of_workers(gateway, "hubgate_hub_joins_given_up_total") == 0);
  // From the other worker.
  for (std::size_t i = 0; i < kJoins; ++i) {
    const auto other = std::find_if(clients.begin(), clients.end(),
                                    [&](const auto& client) { return client->worker != clients[i]->worker; });
    REQUIRE(other != clients.end());
    (*other)->hub.send("SendToGroup", {"room " + std::to_string(i), "hello " + std::to_string(i)});
    REQUIRE(clients[i]->next_text() == "hello " + std::to_string(i));
  }
}

TEST_CASE("an outside Redis that is frozen is told as down, clients stay, and all works when it goes on",
          "[integration]") {
  if (!test::RealRedis::is_installed()) return;
  test::RealRedis redis;
  Gateway gateway({.overrides = {"redis=" + redis.url()}});
  auto clients = connect(gateway, 12);
  for (auto& client : clients) client->hub.call("Join", {"room"});
  Client& sender = *clients.front();
  const auto is_local = [&](const auto& client) { return client->worker == sender.worker; };
  REQUIRE(static_cast<std::size_t>(std::count_if(clients.begin(), clients.end(), is_local)) < clients.size());
  wait_for("the workers' word that Redis is ready",
           [&] { return sum_of_workers(gateway, "hubgate_redis_ready") == 2; });
  redis.freeze();
  wait_for("every worker's word that Redis is down", [&] { return all_say(gateway, false); }, 15s);
  wait_for("the same as a metric", [&] { return sum_of_workers(gateway, "hubgate_redis_ready") == 0; });
  CHECK(gateway.is_ready());  // its clients are served; a balancer must not take every gateway out at once
  for (int n = 0; n < 20; ++n) sender.hub.send("SendToGroup", {"room", "alone " + std::to_string(n)});
  for (auto& client : clients) {
    if (!is_local(client)) continue;
    for (int n = 0; n < 20; ++n) REQUIRE(client->next_text() == "alone " + std::to_string(n));
  }
  wait_for("the count of what stayed local",
           [&] { return sum_of_workers(gateway, "hubgate_hub_degraded_total") == 20; });
  redis.thaw();
  wait_for("every worker's word that Redis is back", [&] { return all_say(gateway, true); }, 15s);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string text = "back " + std::to_string(i);
    clients[i]->hub.send("SendToGroup", {"room", text});
    for (auto& client : clients) REQUIRE(client->next_text() == text);
  }
  CHECK(std::none_of(clients.begin(), clients.end(), [](auto& client) { return client->hub.has_ended(); }));
  CHECK(sum_of_workers(gateway, "hubgate_redis_disconnects_total") == 2);
}
