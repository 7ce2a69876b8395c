#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <hubgate/result.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "common/net/connection.h"
#include "common/net/connector.h"
#include "proxy/pool/back_off.h"
#include "proxy/pool/child_output.h"
#include "proxy/pool/slot_process.h"
#include "proxy/pool/worker_slot.h"

namespace hubgate::proxy {

/// The gateway's own redis-server: on a Unix socket in a private directory, no TCP port, nothing kept
/// on disk; supervised like a worker. Knows of Redis only how to ask PING. Owned by the Proxy; one thread.
class ManagedRedis final : private net::Connection::Handler {
 public:
  struct Settings {
    std::string runtime_dir;
    pid_t supervisor = 0;        // names the directory of this run
    std::optional<gid_t> group;  // who else may reach it
  };
  enum class State : std::uint8_t { kDown, kStarting, kReady };

  ManagedRedis(event::Loop& loop, event::Timers& timers, Log& log, Random& random, const WallClock& clock,
               Keeper& keeper, const OutputSink& output, Settings settings, std::function<void()> on_change);
  ~ManagedRedis() override;
  ManagedRedis(const ManagedRedis&) = delete;
  ManagedRedis& operator=(const ManagedRedis&) = delete;

  /// Makes the directory and removes those of earlier runs. Error kSystem.
  Result<void> prepare();
  /// Asks for the process, unless it runs. PING is asked until it answers.
  void start();
  void adopt(SlotProcess process);
  void on_spawn_failed(const control::SpawnFailed& failed);
  void on_exited(const control::Exited& exited);
  /// No restart any more; SIGTERM, and SIGKILL after 3 s.
  void stop();
  void signal_directly(int signal);
  bool is_alive() const { return process_ && is_process_alive(process_->pidfd); }
  /// Takes its directory away; after its end.
  void clean_up();

  /// What workers are told: "unix:/…/redis.sock". The same at each restart.
  std::string address() const { return "unix:" + socket_path(); }
  State state() const { return state_; }
  bool is_idle() const { return !process_ && !spawning_; }
  std::int64_t pid() const { return process_ ? process_->pid : 0; }
  std::uint64_t restarts() const { return restarts_; }

  /// No pool can have this name.
  static constexpr char kPool[] = "@redis";
  static constexpr Duration kProbeInterval = std::chrono::milliseconds(20);
  static constexpr Duration kProbeTimeout = std::chrono::seconds(1);
  static constexpr Duration kReadyTime = std::chrono::seconds(30);
  static constexpr Duration kTermGrace = std::chrono::seconds(3);

 private:
  std::size_t on_data(MutableBytes input) override;
  void on_closed(net::CloseReason reason) override;
  std::string directory() const;
  std::string socket_path() const { return directory() + "/redis.sock"; }
  void request_spawn();
  void probe();
  void probe_again();
  void end_probe();
  void become_ready();
  void set_state(State state);

  event::Loop& loop_;
  event::Timers& timers_;
  Log& log_;
  Random& random_;
  const WallClock& clock_;
  Keeper& keeper_;
  const OutputSink& output_;
  Settings settings_;
  std::function<void()> on_change_;
  State state_ = State::kDown;
  std::optional<SlotProcess> process_;
  std::unique_ptr<ChildOutput> stdout_;
  std::unique_ptr<ChildOutput> stderr_;
  TimePoint started_{};
  bool spawning_ = false;
  bool stopping_ = false;
  std::uint32_t last_generation_ = 0;
  std::uint64_t restarts_ = 0;
  BackOff back_off_;
  event::Timer spawn_timer_;
  event::Timer probe_timer_;    // the next try
  event::Timer timeout_timer_;  // of the try under way
  event::Timer kill_timer_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Connection> connection_;
};

std::string_view to_string(ManagedRedis::State state) noexcept;

}  // namespace hubgate::proxy
