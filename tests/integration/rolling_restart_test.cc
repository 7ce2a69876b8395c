#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/client_crowd.h"
#include "tests/integration/gateway.h"
#include "tests/support/catch.h"

// All workers of a pool are replaced under 4,000 clients with automatic reconnect.

using namespace hubgate;
using test::ClientCrowd;
using test::Gateway;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kClients = 4000;
constexpr std::size_t kWorkers = 4;
constexpr auto kWindow = 10s;

// HUBGATE_SHOW_DRAIN_TIME=60 has the default's length, four minutes; without it the test is done in little more than
// one.
std::chrono::seconds drain_time() {
  const char* wanted = std::getenv("HUBGATE_SHOW_DRAIN_TIME");
  return std::chrono::seconds(wanted != nullptr ? std::atoi(wanted) : 16);
}

std::string config() {
  return R"(runtime_dir = "run"
state_dir = "state"
stop_time = "2s"
[admin]
listen = "127.0.0.1:0"
[listener.public]
listen = "127.0.0.1:0"
[pool.main]
command = ["hubgate-worker"]
workers = )" +
         std::to_string(kWorkers) + "\ndrain_time = \"" + std::to_string(drain_time().count()) +
         "s\"\n[[route]]\nprefix = \"/bench\"\npool = \"main\"\n";
}

/// Looks at the pool until its restart is done: there is a ready worker all the time, and someone looks all the time.
void watch_restart(const Gateway& gateway) {
  auto last_ready = std::chrono::steady_clock::now();
  Duration longest{};
  const auto is_done = [&] {
    const auto status = gateway.status();
    REQUIRE(status.is_object());
    REQUIRE(status["ready"] == true);
    std::size_t ready = 0;
    for (const auto& endpoint : status["pools"][0]["endpoints"]) ready += endpoint["state"] == "ready" ? 1 : 0;
    REQUIRE(ready >= kWorkers - 1);
    const auto now = std::chrono::steady_clock::now();
    longest = std::max(longest, now - last_ready);
    last_ready = now;
    const std::string state = status["pools"][0]["restart"]["state"];
    REQUIRE(state != "failing");
    return state == "done";
  };
  wait_for("the restart's end", is_done, kWorkers * (drain_time() + 10s));
  CHECK(longest < 1s);
}

}  // namespace

TEST_CASE("a rolling restart of 4 workers closes 4,000 clients evenly, each once, and all come back", "[integration]") {
  Gateway gateway({.config = config()});
  ClientCrowd crowd({.server = net::Address::parse("127.0.0.1:" + std::to_string(gateway.port())).value()});
  crowd.add(kClients);
  crowd.wait_until_up(kClients);
  crowd.echo(200);
  REQUIRE(gateway.command({"restart", "main", "--no-wait"}) == 0);
  watch_restart(gateway);
  crowd.wait_until_up(kClients);
  crowd.echo(0);
  crowd.wait_until_answered();

  const auto counts = crowd.counts();
  const auto closings = crowd.closings();
  INFO(crowd.faults());
  CHECK(counts.failed_attempts == 0);
  CHECK(counts.echoes_wrong == 0);
  CHECK(closings.size() == kClients);
  std::set<std::size_t> closed;
  std::vector<TimePoint> times;
  for (const auto& closing : closings) {
    REQUIRE(closing.end == test::CrowdEnd::kCloseReconnect);
    REQUIRE(closed.insert(closing.client).second);  // nobody twice
    times.push_back(closing.at);
  }
  CHECK(closed.size() == kClients);

  // Every window of 10 s, a new one each second; each worker has a quarter of the clients and drains for drain_time.
  const double even = static_cast<double>(kClients / kWorkers) * std::chrono::duration<double>(kWindow).count() /
                      std::chrono::duration<double>(drain_time()).count();
  std::string seen;
  for (TimePoint begin = times.front(); begin + kWindow <= times.back(); begin += 1s) {
    const auto count = static_cast<double>(
        std::count_if(times.begin(), times.end(), [&](TimePoint at) { return at >= begin && at < begin + kWindow; }));
    seen += " " + std::to_string(std::lround(count));
    CHECK(count >= 0.8 * even);
    CHECK(count <= 1.2 * even);
  }
  WARN("closings in windows of 10 s, even would be "
       << even << ":" << seen << "; echoes lost with a closed connection: " << counts.echoes_lost);
}
