#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/pool/rebalancer.h"
#include "proxy/pool/slot_runner.h"

namespace hubgate::proxy {

/// The local workers of one pool: as many slots as are wanted, each started as is wanted. A change of the number
/// starts or drains only the difference. A change of how they are started, or an operator's word, replaces them one
/// slot after the other (a rolling restart): the new generation is ready first, then the old one drains and ends, then
/// comes the next slot; a slot whose new generation keeps ending holds the restart up while its old one serves.
/// Owned by the WorkerRegistry; one thread.
class PoolRunner {
 public:
  PoolRunner(SlotServices& services, Pool& pool)
      : services_(services), pool_(pool), rebalancer_(services.timers, services.log, pool) {}

  /// How many, and how. No workers: the pool is no more, all drain and end.
  void apply(const WorkerSpec& spec, std::uint32_t workers);
  /// From now on they are to run; slots that come later start by themselves.
  void start();
  /// Replaces every worker that runs now. Also while a restart is under way: those it has replaced are replaced again.
  void restart();
  /// Workers that have more than their share let some clients go, over the pool's drain_time. Nothing while a restart
  /// is under way, which moves everybody anyway.
  std::vector<Rebalancer::Surplus> rebalance();
  /// Something has changed: takes the next step of a restart, and forgets slots that have left. With an empty stack.
  void advance();
  /// A process of this pool that the supervisor holds or has started; one of a slot that is not wanted leaves.
  void adopt(SlotProcess process);

  /// The last rolling restart.
  struct Restart {
    std::uint64_t number = 0;  // counts up in one run of the proxy; 0: there was none
    std::uint32_t slots = 0;   // that are wanted
    std::uint32_t done = 0;    // of these: as wanted
    bool under_way = false;
    bool failing = false;    // its slot's new generation keeps ending
    std::string slot = {};   // that is being replaced: "main/1"; empty: none
    std::uint64_t left = 0;  // connections of its old generation
    bool draining = false;   // the old one leaves; else the new one is awaited
  };
  Restart restart_status() const;

  const Pool& pool() const { return pool_; }
  const WorkerSpec& spec() const { return spec_; }
  SlotRunner* find(std::uint32_t slot) const;
  /// Those that leave, too.
  const std::vector<std::unique_ptr<SlotRunner>>& slots() const { return slots_; }

 private:
  SlotRunner& add(std::uint32_t slot);
  void begin_restart();
  bool needs_replacing() const;

  SlotServices& services_;
  Pool& pool_;
  WorkerSpec spec_;
  bool started_ = false;
  std::uint64_t restart_number_ = 0;
  bool restarting_ = false;
  Rebalancer rebalancer_;
  std::vector<std::unique_ptr<SlotRunner>> slots_;
};

}  // namespace hubgate::proxy
