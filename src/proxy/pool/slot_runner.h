#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "proxy/pool/back_off.h"
#include "proxy/pool/child_output.h"
#include "proxy/pool/endpoint.h"
#include "proxy/pool/pool.h"
#include "proxy/pool/slot_process.h"
#include "proxy/pool/worker_slot.h"
#include "proxy/pool/worker_spec.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {

/// What all slots of a proxy share; owned by the Proxy, which outlives them.
struct SlotServices {
  event::Loop& loop;
  event::Timers& timers;  // the loop in programs
  Log& log;
  Random& random;
  const WallClock& clock;
  Keeper& keeper;
  AffinityTable& affinity;
  HubPaths& hub_paths;
  OutputSink output;
  std::uint64_t epoch = 0;
  /// Something that `is_ready`, `is_idle` or a count says has changed. Called often, out of callbacks; must not call
  /// back.
  std::function<void()> on_change{};
  /// A worker reports ends of connections that were handed over to it, in any epoch.
  std::function<void(const WorkerSlot&, const std::vector<control::ClosedRecord>&)> on_closed{};
  /// A worker has ended, and all that was handed over to it; what it had not taken has been settled.
  std::function<void(const WorkerSlot&)> on_gone{};
};

/// Keeps one slot of a pool running: starts generations, backs off when they die, and shows each to the pool as an
/// endpoint. There are never more than two: one that leaves (drains, then ends), and one that serves or starts.
///
/// It compares what runs with what is wanted whenever either has changed (pursue), so that the order of events does
/// not count. Owned by its PoolRunner; one thread.
class SlotRunner final : private WorkerSlot::Handler {
 public:
  SlotRunner(SlotServices& services, Pool& pool, WorkerSpec spec, std::uint32_t slot, std::uint32_t endpoint_id);
  ~SlotRunner() override;
  SlotRunner(const SlotRunner&) = delete;
  SlotRunner& operator=(const SlotRunner&) = delete;

  // ---- what happens

  /// A process of this slot runs: found in the inventory, or just spawned at our request.
  void adopt(SlotProcess process);
  void on_spawn_failed(const control::SpawnFailed& failed);
  void on_exited(const control::Exited& exited);

  // ---- what is wanted

  /// From now on a generation is to run.
  void start();
  /// New values. Living workers are told log level and limits. One that was started in another way than is wanted now
  /// (WorkerSpec::hash) is outdated: it serves on until replace().
  void update(const WorkerSpec& spec);
  /// All that runs now is outdated, and a slot that rests between two tries rests no more.
  void outdate();
  /// Replaces what is outdated: starts the next generation, and when that is ready the old one drains and ends. Tried
  /// until it succeeds or is no longer wanted.
  void replace();
  /// An operator takes the slot out of service: its workers drain and stay; and puts it back.
  void hold(bool held);
  /// The slot is wanted no more: what runs drains and ends, nothing is started.
  void leave();
  /// It is wanted again: one that drains and would be started in the same way comes back.
  void stay();
  /// The gateway stops: no further generation; workers drain and end.
  void stop(Duration spread, Duration hard);
  /// The proxy stops: nothing new is handed over.
  void stop_handing_over();
  /// The supervisor has died: signals by our own descriptors of the processes.
  void signal_directly(int signal);
  /// Lets go of the links; workers then see the end of control.
  void close_links();

  // ---- how it is

  const Pool& pool() const { return pool_; }
  std::uint32_t slot() const { return slot_; }
  std::string name() const;  // "main/0"
  /// A generation is ready and does not leave.
  bool is_ready() const;
  /// Every generation that was adopted has said Ready, or has ended.
  bool has_answered() const;
  /// No process, none on its way.
  bool is_idle() const { return generations_.empty() && !spawning_; }
  bool is_leaving() const { return leaving_; }
  bool is_held() const { return held_; }
  /// What serves, or starts, is not what is wanted.
  bool is_outdated() const;
  /// Since replace(), until there is one generation, as it is wanted.
  bool is_replacing() const { return replacing_; }
  /// It keeps ending, and what is wanted does not serve: someone should look at it.
  bool is_failed() const;
  /// A process of it lives, by our own descriptors.
  bool is_alive() const;
  std::uint64_t restarts() const { return restarts_; }
  /// Ends of processes by their cause: "exit_1", "signal_9", "hung", "not_started", "exit_0".
  const std::map<std::string, std::uint64_t>& ends() const { return ends_; }
  std::size_t unsettled() const;
  std::vector<const WorkerSlot*> living() const;
  /// That generation leaves.
  bool is_leaving(const WorkerSlot& slot) const;
  bool is_outdated(const WorkerSlot& slot) const;

 private:
  struct Generation;
  void on_slot_ready(WorkerSlot& slot) override;
  void on_slot_load(WorkerSlot& slot) override;
  void on_slot_changed(WorkerSlot& slot) override;
  void on_slot_draining(WorkerSlot& slot, bool draining) override;
  void on_slot_closed(WorkerSlot& slot, const std::vector<control::ClosedRecord>& records) override;
  void on_slot_gone(WorkerSlot& slot) override;
  Generation* find(const WorkerSlot& slot) const;

  void pursue();
  void end_superseded();
  bool wants_another() const;
  void request_spawn();
  void spawn_later(Duration life);
  std::uint32_t next_generation();
  void end(Generation& generation);
  void hold_back(Generation& generation);
  bool is_wanted(const Generation& generation) const;
  control::Drain drain_order(bool exit) const;

  SlotServices& services_;
  Pool& pool_;
  WorkerSpec spec_;
  std::string spec_hash_;
  std::uint32_t slot_;
  std::uint32_t endpoint_id_;
  std::vector<std::unique_ptr<Generation>> generations_;  // the oldest first
  std::optional<std::uint32_t> spawning_;                 // the generation that was asked for
  bool slow_start_ = false;                               // of the one on its way
  std::uint32_t last_generation_ = 0;
  bool started_ = false;
  bool has_run_ = false;  // a generation was asked for, or found
  bool replacing_ = false;
  bool held_ = false;
  bool leaving_ = false;
  bool stopping_ = false;
  std::uint64_t restarts_ = 0;
  std::map<std::string, std::uint64_t> ends_;
  BackOff back_off_;
  event::Timer spawn_timer_;
};

}  // namespace hubgate::proxy
