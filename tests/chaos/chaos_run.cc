#include "tests/chaos/chaos_run.h"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "common/event/loop.h"
#include "tests/chaos/fault_hand.h"
#include "tests/chaos/gateway_watch.h"
#include "tests/integration/gateway.h"
#include "tests/support/catch.h"

namespace hubgate::chaos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLook = milliseconds(50);
/// For everybody to come back after the last fault: a slot that has failed five times is tried again after 30 s.
constexpr Instant kRecovery = seconds(45);
/// As config_of() has it.
constexpr Instant kDrainTime = seconds(2);
/// Calm at the end, with all that is sent due at all.
constexpr Instant kCalm = seconds(2);

// Every other revision lets so much wait for a client that its time ends it and not the bytes.
std::string config_of(int workers, int command, int revision) {
  return R"(runtime_dir = "run"
state_dir = "state"
stop_time = "2s"
[admin]
listen = "127.0.0.1:0"
[limits]
queue_length = )" +
         std::to_string(8192 + revision) + R"(
max_pending_bytes = )" +
         (revision % 2 == 0 ? "\"16MiB\"" : "\"1MiB\"") + R"(
[listener.public]
listen = "127.0.0.1:0"
[listener.relayed]
listen = "127.0.0.1:0"
[pool.main]
command = ["hubgate-worker", "--handshake-timeout", ")" +
         std::to_string(15'000 + command) + R"("]
workers = )" +
         std::to_string(workers) + R"(
drain_time = "2s"
[pool.relayed]
command = ["hubgate-worker"]
workers = 1
handover = "off"
drain_time = "2s"
[[route]]
prefix = "/bench"
pool = "main"
listeners = ["public"]
[[route]]
prefix = "/bench"
pool = "relayed"
listeners = ["relayed"]
)";
}

std::uint16_t port_of(const test::Gateway& gateway, const std::string& listener) {
  const nlohmann::json status = gateway.status();
  for (const auto& one : status["listeners"]) {
    if (one["name"] != listener) continue;
    const std::string address = one["address"];
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  return 0;
}

/// The parts of one run, and its phases one after the other: faults, recovery, calm, silence.
class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        random_(options.seed * 7919 + 1),
        gateway_({.config = config_of(FaultHand::kWorkers, 0, 1)}),
        watch_(gateway_.folder() / "log", clock_, facts_),
        traffic_(loop_, clock_, random_, facts_, options.traffic, port_of(gateway_, "public"),
                 port_of(gateway_, "relayed")),
        hand_(loop_, clock_, facts_, gateway_, watch_, traffic_, config_of),
        look_(loop_, [this] { on_look(); }) {}

  RunResult run() {
    const auto plan = make_plan(options_.seed, options_.length, options_.kinds);
    RunResult result;
    for (const PlannedFault& fault : plan) result.plan += to_string(fault) + "\n";
    facts_.hard_drain_time = 2 * kDrainTime - milliseconds(500);  // it may have begun before it was logged
    traffic_.start();
    hand_.start(plan);
    on_look();
    loop_.run();
    facts_.ended = clock_.now();
    traffic_.stop();
    loop_.turn(false);
    look_at_the_end();
    watch_.look();
    result.verdict = judge(facts_);
    result.summary = summary(result.verdict);
    result.log = gateway_.log();
    const std::vector<pid_t> pids = gateway_.all_pids();
    gateway_.signal(SIGTERM);
    CHECK(gateway_.wait_for_end() == 0);
    CHECK(std::none_of(pids.begin(), pids.end(), test::is_running));
    return result;
  }

 private:
  enum class Phase : std::uint8_t { kFaults, kRecovery, kCalm, kSilence };

  void on_look() {
    look_.start(kLook);
    watch_.look();
    hand_.reap();
    const Instant now = clock_.now();
    switch (phase_) {
      case Phase::kFaults:
        if (!hand_.is_done()) return;
        hand_.restore();
        return move_to(Phase::kRecovery, now);
      case Phase::kRecovery:
        if (traffic_.is_all_open() && now - since_ > seconds(1)) return move_to(Phase::kCalm, now);
        if (now - since_ <= kRecovery) return;
        facts_.oddities.push_back({now, "not everybody came back after the last fault"});
        return move_to(Phase::kCalm, now);
      case Phase::kCalm:
        if (now - since_ <= kCalm) return;
        traffic_.rest();
        return move_to(Phase::kSilence, now);
      case Phase::kSilence:
        if (now - since_ > kMargin + milliseconds(200) && (traffic_.is_all_answered() || now - since_ > seconds(10))) {
          loop_.stop();
        }
        return;
    }
  }
  void move_to(Phase phase, Instant now) {
    phase_ = phase;
    since_ = now;
  }

  /// What the gateway itself says when all clients have gone.
  void look_at_the_end() {
    nlohmann::json last;
    for (const auto end = std::chrono::steady_clock::now() + seconds(10); std::chrono::steady_clock::now() < end;) {
      last = gateway_.status();
      if (last.is_object() && is_empty(last)) break;
      ::poll(nullptr, 0, 50);
    }
    if (!last.is_object() || !is_empty(last)) {
      facts_.oddities.push_back(
          {clock_.now(), "all clients have gone, and connections are still counted: " + last.dump()});
    }
    const std::string page = gateway_.admin("/metrics").body;
    for (Worker* worker : watch_.living_workers()) {
      worker->counters = Counters{count(page, "hubgate_hub_degraded_total", *worker),
                                  count(page, "hubgate_redis_unknown_total", *worker),
                                  count(page, "hubgate_redis_lost_total", *worker)};
    }
  }
  static bool is_empty(const nlohmann::json& status) {
    if (status["handed_over"] != 0 || status["tunnels"] != 0) return false;
    for (const auto& pool : status["pools"]) {
      for (const auto& endpoint : pool["endpoints"]) {
        if (endpoint["active"] != 0 || endpoint["handed_over"] != 0) return false;
      }
    }
    return true;
  }
  /// The value of a series of the hub at that worker.
  static std::size_t count(const std::string& page, const std::string& name, const Worker& worker) {
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + "{") && line.find("\"Demo.BenchHub\"") != line.npos &&
          line.find("endpoint=\"" + worker.name + "\"") != line.npos) {
        return static_cast<std::size_t>(std::stod(line.substr(line.rfind(' ') + 1)));
      }
    }
    return 0;
  }

  std::string summary(const Verdict& verdict) const {
    std::string text =
        "seed " + std::to_string(options_.seed) + ": " + std::to_string(clock_.now().count() / 1'000'000) +
        " s; sent " + std::to_string(verdict.echoes) + " echoes, " + std::to_string(verdict.groups) + " to groups, " +
        std::to_string(verdict.broadcasts) + " to all; " + std::to_string(verdict.delivered) + " delivered, " +
        std::to_string(verdict.due) + " were due; unknown " + std::to_string(verdict.unknown) + "; excused";
    for (std::size_t i = 0; i < verdict.excused.size(); ++i) {
      text += (i == 0 ? " " : ", ") + std::to_string(verdict.excused[i]) + " " +
              std::string(to_string(static_cast<Cause>(i)));
    }
    text += "; again after a reconnect " + std::to_string(verdict.again) + "; slowest " +
            std::to_string(verdict.slowest.count() / 1000) + " ms; connections " +
            std::to_string(facts_.sessions.size()) + ", workers " + std::to_string(facts_.workers.size()) +
            "; violations " + std::to_string(verdict.violations.size()) + "; faults";
    for (std::size_t i = 0; i < hand_.done().size(); ++i) {
      if (hand_.done()[i] == 0) continue;
      text += " " + std::string(to_string(static_cast<FaultKind>(i))) + " " + std::to_string(hand_.done()[i]);
    }
    text += "; refused";
    text += " " + std::to_string(facts_.refusals.size());
    return text;
  }

  const RunOptions& options_;
  RunClock clock_;
  SeededRandom random_;
  Facts facts_;
  event::Loop loop_;
  test::Gateway gateway_;
  GatewayWatch watch_;
  Traffic traffic_;
  FaultHand hand_;
  event::Timer look_;
  Phase phase_ = Phase::kFaults;
  Instant since_{};
};

}  // namespace

RunResult run_chaos(const RunOptions& options) { return Run(options).run(); }

}  // namespace hubgate::chaos
