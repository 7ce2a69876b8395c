#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"

// Two programs behind one gateway whose hubs have one name on the backplane: hubgate-worker's ChatHub at /chat, and
// timer_hub.cc's hub at /timer. Two workers each; the user is what ?user= says.

using namespace hubgate;
using test::Gateway;
using test::HubClient;

namespace {

std::string two_pools() {
  std::string config = Gateway::usual_config();
  const std::string command = "command = [\"hubgate-worker\"]";
  config.replace(config.find(command), command.size(), "command = [\"hubgate-worker\", \"--user-from-query\"]");
  const char* folder = std::getenv("HUBGATE_BINARY_DIR");
  REQUIRE(folder != nullptr);
  return config + "[pool.timer]\ncommand = [\"" + std::filesystem::absolute(folder).string() +
         "/tests/integration/timer-hub\"]\nworkers = 2\n" + "[[route]]\nprefix = \"/timer\"\npool = \"timer\"\n";
}

struct Client {
  Client(const Gateway& gateway, const std::string& path, std::string name)
      : user(std::move(name)), hub(gateway.port(), path, "user=" + user), worker(hub.call("WhoAmI")["worker"]) {}

  // The next call of that client method; a sender's completions and other methods' calls are passed over.
  nlohmann::json next(const std::string& method) {
    for (;;) {
      const auto message = hub.next_message();
      REQUIRE(message.has_value());
      REQUIRE_FALSE(message->contains("error"));
      if ((*message)["type"] == 1 && (*message)["target"] == method) return (*message)["arguments"];
    }
  }
  std::string user;
  HubClient hub;
  std::string worker;
};

// A client on each of the four workers, in the order of their names. Its user is its worker's name, or `user`.
std::vector<std::unique_ptr<Client>> on_every_worker(const Gateway& gateway, const std::string& user = {}) {
  std::vector<std::unique_ptr<Client>> clients;
  for (const std::string worker : {"main/0", "main/1", "timer/0", "timer/1"}) {
    const std::string path = worker.starts_with("main") ? "/chat" : "/timer";
    std::unique_ptr<Client> client;
    for (int attempt = 0; attempt < 100 && (!client || client->worker != worker); ++attempt) {
      client = std::make_unique<Client>(gateway, path, user.empty() ? worker : user);
    }
    REQUIRE(client->worker == worker);
    clients.push_back(std::move(client));
  }
  return clients;
}

// Everybody gets 0, 1, … below `count` from each sender, a sender's in order.
void check_received(std::vector<std::unique_ptr<Client>>& receivers, const std::vector<std::string>& senders,
                    int count) {
  for (auto& receiver : receivers) {
    std::map<std::string, int> next;
    for (std::size_t i = 0; i < senders.size() * static_cast<std::size_t>(count); ++i) {
      const auto arguments = receiver->next("Receive");
      INFO(arguments.dump() << " at a client of " << receiver->worker);
      REQUIRE(std::stoi(arguments[1].get<std::string>()) == next[arguments[0]]++);
    }
    for (const std::string& sender : senders) CHECK(next[sender] == count);
  }
}

// Fails when something else has come before: to be called when all that may come was received.
void check_nothing_left(std::vector<std::unique_ptr<Client>>& receivers, HubClient& sender) {
  sender.call("Send", {"last"});
  for (auto& receiver : receivers) REQUIRE(receiver->next("Receive")[1] == "last");
}

}  // namespace

TEST_CASE("hubs of one backplane name in different programs share groups and broadcasts", "[integration]") {
  constexpr int kSends = 100;
  Gateway gateway({.config = two_pools()});
  auto clients = on_every_worker(gateway);
  const std::vector<std::string> senders = {"main/0", "main/1", "timer/0", "timer/1"};
  SECTION("broadcasts") {
    for (int n = 0; n < kSends; ++n) {
      for (auto& client : clients) client->hub.send("Send", {std::to_string(n)});
    }
    check_received(clients, senders, kSends);
  }
  SECTION("groups") {
    for (auto& client : clients) client->hub.call("Join", {"room"});
    auto strangers = on_every_worker(gateway);
    for (int n = 0; n < kSends; ++n) {
      for (auto& client : clients) client->hub.send("SendToGroup", {"room", std::to_string(n)});
    }
    check_received(clients, senders, kSends);
    check_nothing_left(strangers, strangers.front()->hub);
    for (auto& client : clients) REQUIRE(client->next("Receive")[1] == "last");
  }
}

TEST_CASE("a join that was answered hears the next message to its group from the other program's worker",
          "[integration]") {
  Gateway gateway({.config = two_pools()});
  auto clients = on_every_worker(gateway);
  for (std::size_t i = 0; i < 1000; ++i) {
    Client& member = *clients[i % 4];
    Client& sender = *clients[(i + 2) % 4];
    const std::string number = std::to_string(i);
    member.hub.call("Join", {"room" + number});
    sender.hub.send("SendToGroup", {"room" + number, number});
    const auto arguments = member.next("Receive");
    REQUIRE(arguments[0] == sender.worker);
    REQUIRE(arguments[1] == number);
  }
}

TEST_CASE("sends to a user reach each of its connections on every worker, in order and once", "[integration]") {
  constexpr int kSends = 200;
  Gateway gateway({.config = two_pools()});
  auto ann = on_every_worker(gateway, "ann");
  auto others = on_every_worker(gateway);
  const std::vector<std::string> senders = {"timer/0", "timer/1"};
  for (int n = 0; n < kSends; ++n) {
    for (const std::size_t timer : {2U, 3U}) others[timer]->hub.send("SendToUser", {"ann", std::to_string(n)});
  }
  check_received(ann, senders, kSends);
  check_nothing_left(others, ann.back()->hub);
  for (auto& client : ann) CHECK(client->next("Receive")[1] == "last");
}

TEST_CASE("a timer outside of any hub reaches the clients of every worker of both programs", "[integration]") {
  Gateway gateway({.config = two_pools()});
  auto clients = on_every_worker(gateway);
  const std::vector<int> timers = {gateway.pid_of("worker", "timer/0"), gateway.pid_of("worker", "timer/1")};
  for (auto& client : clients) {
    std::map<int, int> last;
    std::map<int, int> count;
    while (count[timers[0]] < 10 || count[timers[1]] < 10) {
      const auto arguments = client->next("Tick");
      const int timer = arguments[0];
      const int number = arguments[1];
      REQUIRE(std::find(timers.begin(), timers.end(), timer) != timers.end());
      if (count[timer]++ > 0) REQUIRE(number == last[timer] + 1);
      last[timer] = number;
    }
  }
}
