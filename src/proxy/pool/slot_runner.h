#pragma once

#include <cstdint>
#include <functional>
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
  /// Something that `is_ready`, `is_idle` or a count says has changed.
  std::function<void()> on_change{};
  /// A worker reports ends of connections that were handed over to it, in any epoch.
  std::function<void(const WorkerSlot&, const std::vector<control::ClosedRecord>&)> on_closed{};
  /// A worker has ended, and all that was handed over to it; what it had not taken has been settled.
  std::function<void(const WorkerSlot&)> on_gone{};
};

/// How the workers of one pool are started and what they are told.
struct WorkerSpec {
  std::vector<std::string> argv;
  std::string cwd;
  std::vector<std::string> env;
  control::WorkerLimits limits;
  control::Welcome welcome;  // without what belongs to one generation
  Duration ready_time = std::chrono::seconds(30);

  /// What would have to be equal for a running process to stay: command, directory, environment.
  std::string hash() const;
};

/// Keeps one slot of a pool running: starts generations, backs off when they die, starts the next one while an old one
/// drains (never more than two), and shows each to the pool as an endpoint. Owned by the Proxy; one thread.
class SlotRunner final : private WorkerSlot::Handler {
 public:
  SlotRunner(SlotServices& services, Pool& pool, WorkerSpec spec, std::uint32_t slot, std::uint32_t endpoint_id);
  ~SlotRunner() override;
  SlotRunner(const SlotRunner&) = delete;
  SlotRunner& operator=(const SlotRunner&) = delete;

  /// Asks for a first generation, unless one runs, is on its way, or an end was asked for.
  void start();
  /// A process of this slot runs: found in the inventory, or just spawned at our request.
  void adopt(SlotProcess process);
  void on_spawn_failed(const control::SpawnFailed& failed);
  void on_exited(const control::Exited& exited);

  /// New values for living and later workers: log level, limits.
  void update(const WorkerSpec& spec);
  /// The gateway stops: no further generation; workers drain and end.
  void stop(Duration spread, Duration hard);
  /// The proxy stops: nothing new is handed over.
  void stop_handing_over();
  /// The supervisor has died: signals by our own descriptors of the processes.
  void signal_directly(int signal);
  /// A process of it lives, by our own descriptors.
  bool is_alive() const;
  /// Lets go of the links; workers then see the end of control.
  void close_links();

  const Pool& pool() const { return pool_; }
  std::uint32_t slot() const { return slot_; }
  /// A generation is ready and serves.
  bool is_ready() const;
  /// Every generation that was adopted has said Ready, or has ended.
  bool has_answered() const;
  /// No process, none on its way.
  bool is_idle() const { return generations_.empty() && !spawning_; }
  bool is_broken() const { return back_off_.is_broken(); }
  std::uint64_t restarts() const { return restarts_; }
  std::size_t unsettled() const;
  std::vector<const WorkerSlot*> living() const;

 private:
  struct Generation;
  void on_slot_ready(WorkerSlot& slot) override;
  void on_slot_load(WorkerSlot& slot) override;
  void on_slot_changed(WorkerSlot& slot) override;
  void on_slot_draining(WorkerSlot& slot, bool draining) override;
  void on_slot_closed(WorkerSlot& slot, const std::vector<control::ClosedRecord>& records) override;
  void on_slot_gone(WorkerSlot& slot) override;
  Generation* find(const WorkerSlot& slot);
  void request_spawn();
  void spawn_later(Duration life);
  void spawn_if_wanted();
  std::uint32_t next_generation();

  SlotServices& services_;
  Pool& pool_;
  WorkerSpec spec_;
  std::string spec_hash_;
  std::uint32_t slot_;
  std::uint32_t endpoint_id_;
  std::vector<std::unique_ptr<Generation>> generations_;  // the oldest first
  std::optional<std::uint32_t> spawning_;                 // the generation that was asked for
  bool replaces_ = false;                                 // the one on its way takes over from one that drains
  std::uint32_t last_generation_ = 0;
  bool stopping_ = false;
  std::uint64_t restarts_ = 0;
  BackOff back_off_;
  event::Timer spawn_timer_;
};

}  // namespace hubgate::proxy
