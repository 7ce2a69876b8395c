#include <poll.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"

// Processes that live and do not work, in real time: ten unanswered Pings take ten seconds. The rules of counting have
// their own tests, with time by hand (heartbeat_test, worker_slot_test).

using namespace hubgate;
using test::check_all_echo;
using test::connect_clients;
using test::Gateway;
using test::wait_for;
using namespace std::chrono_literals;

TEST_CASE("a stopped worker is found, ended and replaced, and the other's clients notice nothing", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 40);
  const pid_t stopped = gateway.pid_of("worker", "main/0");
  wait_for("both workers' loads", [&] {
    return gateway.endpoint("main/0")["active"].get<int>() + gateway.endpoint("main/1")["active"].get<int>() == 40;
  });
  const std::size_t lost = gateway.endpoint("main/0")["active"];
  REQUIRE(lost > 0);
  // Who is whose: one of the other's answers while its worker is stopped.
  ::kill(stopped, SIGSTOP);
  const auto begun = std::chrono::steady_clock::now();
  wait_for(
      "its return",
      [&] {
        const pid_t now = gateway.pid_of("worker", "main/0");
        return now != 0 && now != stopped && gateway.endpoint("main/0")["state"] == "ready";
      },
      20s);
  CHECK(std::chrono::steady_clock::now() - begun > 9s);
  CHECK_FALSE(test::is_running(stopped));
  wait_for("the drops", [&] {
    return static_cast<std::size_t>(
               std::count_if(clients.begin(), clients.end(), [](auto& one) { return one->has_ended(); })) == lost;
  });
  std::erase_if(clients, [](auto& one) { return one->has_ended(); });
  check_all_echo(clients, "still here");
  CHECK(gateway.metric(R"(hubgate_proxy_worker_ends_total{pool="main",endpoint="main/0",cause="hung"})") == 1);
  CHECK(gateway.metric(R"(hubgate_proxy_worker_restarts_total{pool="main",endpoint="main/0"})") == 1);
  CHECK_THAT(gateway.log(), test::contains("why=\"does not answer\""));
  connect_clients(gateway, 10);
}

TEST_CASE("a stopped proxy is found, ended and replaced, and no handed-over connection notices", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 40);
  const pid_t worker = gateway.pid_of("worker", "main/0");
  const pid_t stopped = gateway.pid_of("proxy");
  ::kill(stopped, SIGSTOP);
  check_all_echo(clients, "meanwhile");
  wait_for("the end of the proxy", [&] { return !test::is_running(stopped); }, 20s);
  gateway.wait_until_ready();
  CHECK(gateway.pid_of("proxy") != stopped);
  CHECK(gateway.pid_of("worker", "main/0") == worker);
  check_all_echo(clients, "after");
  connect_clients(gateway, 10);
}

TEST_CASE("a gateway whose supervisor and proxy stood still for 15 s ends nobody", "[integration]") {
  Gateway gateway;
  auto clients = connect_clients(gateway, 20);
  const std::vector<pid_t> before = gateway.all_pids();
  const pid_t proxy = gateway.pid_of("proxy");
  gateway.signal(SIGSTOP);
  ::kill(proxy, SIGSTOP);
  ::poll(nullptr, 0, 15'000);
  check_all_echo(clients, "meanwhile");
  ::kill(proxy, SIGCONT);
  gateway.signal(SIGCONT);
  gateway.wait_until_ready();
  // Ended would be who is judged at the first look, or a kill's grace later.
  ::poll(nullptr, 0, 3'000);
  CHECK(gateway.all_pids() == before);
  check_all_echo(clients, "after");
}
