#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/event/timer.h"
#include "tests/chaos/fault_plan.h"
#include "tests/chaos/gateway_watch.h"
#include "tests/chaos/traffic.h"
#include "tests/integration/gateway.h"

namespace hubgate::chaos {

/// Does what the plan says to a gateway and its clients, undoes what lasts a while, and writes into the facts what it
/// has done, when, to whom. Never waits: verbs of operators run beside, and are reaped later. One loop.
class FaultHand {
 public:
  /// Makes the text of the configuration from a number of workers, of their command, and of a revision.
  using Config = std::function<std::string(int workers, int command, int revision)>;
  static constexpr int kWorkers = 3;

  FaultHand(event::Loop& loop, const RunClock& clock, Facts& facts, test::Gateway& gateway, GatewayWatch& watch,
            Traffic& traffic, Config config);
  /// Lets everything go on that stands still, and kills verbs that have not ended.
  ~FaultHand();

  void start(std::vector<PlannedFault> plan);
  /// The plan is over, and all of it undone.
  bool is_done() const { return next_ == plan_.size() && undos_.empty(); }
  /// Asks for what the gateway was at the beginning: its configuration, no endpoint held.
  void restore();
  /// Ends verbs that have ended, or take too long; to be called now and then.
  void reap();
  bool has_verbs() const { return !verbs_.empty(); }

  /// How often each kind was done; one that found nobody to hit does not count.
  const std::array<int, static_cast<std::size_t>(FaultKind::kCount)>& done() const { return done_; }

 private:
  struct Undo {
    std::unique_ptr<event::Timer> timer;
    std::function<void()> act;
  };
  struct Verb {
    pid_t pid;
    TimePoint begun;
  };
  void do_next();
  bool apply(const PlannedFault& fault);
  bool apply_to_worker(const PlannedFault& fault);
  bool apply_to_proxy(const PlannedFault& fault);
  bool apply_to_redis(const PlannedFault& fault);
  bool drop_links(const std::string& type);
  bool apply_to_config(const PlannedFault& fault);
  bool apply_to_clients(const PlannedFault& fault);
  bool stop_gateway(const PlannedFault& fault);
  void undo_after(Instant lasts, std::function<void()> act);
  void verb(const std::vector<std::string>& arguments);
  void write_config();
  void proxy_stopped(pid_t proxy, Instant at);
  void proxy_goes_on(pid_t proxy);

  event::Loop& loop_;
  const RunClock& clock_;
  Facts& facts_;
  test::Gateway& gateway_;
  GatewayWatch& watch_;
  Traffic& traffic_;
  Config config_;
  int workers_ = kWorkers;
  int command_ = 0;
  int revision_ = 1;
  std::vector<PlannedFault> plan_;
  std::size_t next_ = 0;
  event::Timer timer_;
  std::vector<std::unique_ptr<Undo>> undos_;
  std::vector<Verb> verbs_;
  std::vector<pid_t> stopped_;  // that must go on at the end, whatever happens
  std::array<int, static_cast<std::size_t>(FaultKind::kCount)> done_{};
};

}  // namespace hubgate::chaos
