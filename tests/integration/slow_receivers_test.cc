#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/client_crowd.h"
#include "tests/integration/gateway.h"
#include "tests/integration/process_facts.h"
#include "tests/support/catch.h"

// A tenth of a hub's clients takes nothing any more while broadcasts go on, for longer than the kernel's buffers last.

using namespace hubgate;
using test::ClientCrowd;
using test::Gateway;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kStalled = 100;
constexpr std::size_t kOthers = 899;  // and one who sends
constexpr std::size_t kSize = 8 * 1024;
constexpr std::uint64_t kBroadcasts = 1200;  // 60 s of
constexpr auto kPause = 50ms;
constexpr long kSetting = 1024;     // KiB a client: max_pending_bytes
constexpr long kSlack = 16 * 1024;  // KiB: what 1,000 connections and messages under way need in all processes

long memory_of(const std::vector<pid_t>& pids) {
  long sum = 0;
  for (const pid_t pid : pids) sum += test::anonymous_memory_of(pid);
  return sum;
}

std::size_t ended_as(const Gateway& gateway, const std::string& reason) {
  std::size_t count = 0;
  std::istringstream log(test::TemporaryFolder::read(gateway.folder() / "access.log"));
  for (std::string line; std::getline(log, line);) {
    const auto record = nlohmann::json::parse(line, nullptr, false);
    if (record.is_object() && record["record"] == "websocket_close" && record["reason"] == reason) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("100 of 1,000 receivers stall during 60 s of broadcasts: they end as slow consumers, the others lose nothing",
          "[integration]") {
  const char* wanted = std::getenv("HUBGATE_SHOW_HANDOVER");  // "off": all of them relayed, which takes longer to fill
  Gateway gateway({.config = Gateway::usual_config() + "[access_log]\ntarget = \"access.log\"\n",
                   .overrides = {"pool.main.handover=" + std::string(wanted != nullptr ? wanted : "auto")}});
  const test::CrowdOptions options{.server =
                                       net::Address::parse("127.0.0.1:" + std::to_string(gateway.port())).value()};
  test::CrowdOptions never_again = options;
  never_again.reconnect_after.clear();
  ClientCrowd sender(options);
  ClientCrowd others(options);
  ClientCrowd stalled(never_again);
  sender.add(1);
  others.add(kOthers);
  stalled.add(kStalled);
  sender.wait_until_up(1);
  others.wait_until_up(kOthers);
  stalled.wait_until_up(kStalled);
  const std::vector<pid_t> processes = {gateway.pid_of("proxy"), gateway.pid_of("worker", "main/0"),
                                        gateway.pid_of("worker", "main/1")};

  // All get the first ones.
  REQUIRE(sender.broadcast(0, kSize));
  wait_for("the first message",
           [&] { return others.counts().messages == kOthers && stalled.counts().messages == kStalled; });
  const long before = memory_of(processes);
  stalled.stall(0, kStalled);
  long most = 0;
  auto due = std::chrono::steady_clock::now();
  const auto begun = due;
  std::chrono::duration<double> first_slow{};
  for (std::uint64_t i = 1; i < kBroadcasts; ++i) {
    std::this_thread::sleep_until(due += kPause);
    REQUIRE(sender.broadcast(0, kSize));
    if (i % 4 != 0) continue;
    most = std::max(most, memory_of(processes));
    if (first_slow.count() == 0 && i % 20 == 0 && ended_as(gateway, "slow_consumer") > 0) {
      first_slow = std::chrono::steady_clock::now() - begun;
    }
  }
  wait_for("all messages", [&] { return others.counts().messages >= kOthers * kBroadcasts; }, 20s);
  wait_for("the ends of those that stalled", [&] { return ended_as(gateway, "slow_consumer") >= kStalled; }, 20s);

  const auto counts = others.counts();
  INFO(others.faults());
  CHECK(counts.messages == kOthers * kBroadcasts);
  CHECK(counts.messages_missed == 0);
  CHECK(counts.messages_wrong == 0);
  CHECK(counts.closings == 0);
  CHECK(sender.counts().messages == kBroadcasts);
  CHECK(ended_as(gateway, "slow_consumer") == kStalled);
  CHECK(stalled.counts().messages < kStalled * kBroadcasts / 2);
  WARN("KiB of proxy and workers before: " << before << ", at most: " << most << " (setting: " << kStalled * kSetting
                                           << "); the first slow consumer ended after " << first_slow.count() << " s");
#ifndef __SANITIZE_ADDRESS__  // which keeps freed memory back
  CHECK(most - before <= static_cast<long>(kStalled) * kSetting + kSlack);
#endif
  CHECK(gateway.metric("hubgate_proxy_worker_up{pool=\"main\",endpoint=\"main/0\"}") == 1);
}
