#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/control/heartbeat.h"
#include "common/control/keeper_messages.h"
#include "common/control/packet_link.h"
#include "common/event/loop.h"
#include "common/event/signals.h"
#include "common/event/timer.h"
#include "proxy/supervisor/child_process.h"
#include "proxy/supervisor/kept_sockets.h"
#include "proxy/supervisor/service_notifier.h"
#include "proxy/supervisor/slot_processes.h"

namespace hubgate::supervisor {

/// Keeps a gateway running: starts the proxy, starts children at its word, keeps sockets and links for the next proxy,
/// waits for whatever ends. Mechanism only: it parses no configuration and nothing from the network. The process's
/// one thread.
class Supervisor {
 public:
  struct Settings {
    std::vector<std::string> proxy_command;  // argv of `hubgate proxy …`
    std::vector<std::string> proxy_env;
    ServiceNotifier notifier{};
  };

  Supervisor(event::Loop& loop, Log& log, Settings settings);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Until everything has ended. Returns the exit code: 0 after a stop; the proxy's own when it ended before it had
  /// ever been ready.
  int run();

  static constexpr Duration kProxyReadyTime = std::chrono::seconds(30);
  static constexpr Duration kAbortGrace = std::chrono::seconds(2);
  static constexpr Duration kTermGrace = std::chrono::seconds(3);
  static constexpr Duration kFirstBackOff = std::chrono::milliseconds(100);
  static constexpr Duration kLongestBackOff = std::chrono::seconds(30);
  static constexpr Duration kStableLife = std::chrono::seconds(60);

 private:
  struct Keeper;
  void start_proxy();
  void send_inventory();
  void send_process(const control::SlotId& id, const SlotProcesses::Process& process);
  void send(std::string_view message, int descriptor = -1);
  void on_message(const control::KeeperToSupervisor& message, Descriptor descriptor);
  void on_spawn(const control::Spawn& spawn);
  void drop_to(const control::DropTo& drop);
  void on_keeper_broken(std::string_view why);
  void on_signal(int signal);
  void reap();
  void on_proxy_ended(int status);
  void ping();
  void reload();
  void on_pong();
  void end_hung_proxy(std::string_view why);
  void signal_proxy(int signal) const;
  void stop();
  void end_all();
  void finish_if_alone();

  event::Loop& loop_;
  Log& log_;
  Settings settings_;
  KeptSockets kept_;
  SlotProcesses slots_;
  pid_t proxy_pid_ = -1;
  std::unique_ptr<Keeper> keeper_;
  TimePoint proxy_started_{};
  bool proxy_ready_ = false;  // the living one
  bool ever_ready_ = false;
  bool proxy_ended_ = false;      // its link is being read to the end: its Spawns do not count
  int proxy_failures_ = 0;        // in a row
  int pongs_to_come_ = 0;         // answers come in the order of the pings
  int pongs_until_reloaded_ = 0;  // of them, up to the one that comes after a reload
  bool stopping_ = false;
  bool ending_ = false;  // no proxy any more, everything is told to end
  bool finished_ = false;
  int exit_code_ = 0;
  event::Timer restart_timer_;
  event::Timer proxy_ready_timer_;
  control::Heartbeat heartbeat_;
  event::Timer kill_proxy_timer_;
  event::Timer kill_all_timer_;
  event::Signals signals_;
};

}  // namespace hubgate::supervisor
