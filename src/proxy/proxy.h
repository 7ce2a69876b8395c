#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/line_writer.h"
#include "common/event/loop.h"
#include "common/event/signals.h"
#include "common/event/timer.h"
#include "common/net/listener.h"
#include "common/net/tls_handshakes.h"
#include "proxy/access/access_log.h"
#include "proxy/access/handed_over_book.h"
#include "proxy/admin/admin_server.h"
#include "proxy/config/config_watcher.h"
#include "proxy/config/load_proxy_config.h"
#include "proxy/config/snapshot.h"
#include "proxy/keeper_link.h"
#include "proxy/pool/managed_redis.h"
#include "proxy/pool/pool_registry.h"
#include "proxy/pool/remote_registry.h"
#include "proxy/pool/worker_registry.h"
#include "proxy/routing/affinity_tag.h"
#include "proxy/routing/route_table.h"
#include "proxy/session/downstream_session.h"
#include "proxy/session/session_metrics.h"
#include "proxy/start_up.h"

namespace hubgate::proxy {

/// The proxy process: takes over what the supervisor holds, listens, decides which processes run, serves clients and
/// operators, reloads, stops. Policy to the supervisor's mechanism. Owns everything below it; one thread.
///
/// proxy.cc begins and serves, proxy_doors.cc lets clients in, proxy_reload.cc changes the configuration, proxy_end.cc
/// ends (the gateway's stop, our own TERM, the supervisor's death), proxy_status.cc tells,
/// proxy_verbs.cc does what operators ask for.
class Proxy final : private KeeperLink::Handler, private AdminHost {
 public:
  /// `log_lines` is what `log` and `output` write to. `source`: file, overrides and dev; its text is read here.
  /// `keeper` is our end of the keeper link.
  Proxy(event::Loop& loop, Log& log, const event::LineWriter& log_lines, OutputSink output, ConfigSource source,
        Descriptor keeper);
  ~Proxy() override;
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  /// Until the gateway has stopped, a TERM was obeyed, or it cannot work. Returns the exit code; what is wrong with the
  /// configuration stands on standard error.
  int run();

  static constexpr Duration kAnswerTime = std::chrono::seconds(1);     // for slots of the inventory, then we accept
  static constexpr Duration kLeaveTime = std::chrono::seconds(2);      // to settle acks and end tunnels after a TERM
  static constexpr Duration kOrphanGrace = std::chrono::seconds(3);    // to the kill, after the supervisor's death
  static constexpr Duration kLastWordsTime = std::chrono::seconds(1);  // for relayed clients, after the last worker
  static constexpr Duration kStopGrace = std::chrono::seconds(3);      // to the kill, after the end of stop_time

 private:
  struct Door;
  struct LeavingDoor;
  struct PreparedDoors;

  // KeeperLink::Handler
  void on_inventory(Inventory inventory) override;
  void on_spawned(SlotProcess process) override;
  void on_spawn_failed(const control::SpawnFailed& failed) override;
  void on_exited(const control::Exited& exited) override;
  void on_forgotten(const std::string& name) override;
  void on_reload() override;
  void on_reopen_logs() override;
  void on_stop(std::uint32_t seconds) override;
  void on_keeper_lost(std::string_view why) override;
  // AdminHost
  bool is_ready() const override;
  StatusReport status() const override;
  void collect(MetricsPage& page) const override;
  const Snapshot& snapshot() const override { return *snapshot_; }
  VerbAnswer reload() override;
  VerbAnswer diff(const std::string& file) const override;
  VerbAnswer restart(const std::string& pool) override;
  VerbAnswer rebalance(const std::string& pool) override;
  VerbAnswer drain(const std::string& endpoint, bool drained) override;

  void add_pool(const Pool& pool, StatusReport& report) const;
  bool takes_verbs() const;
  std::string reach_of(const std::string& changed_key, const ProxyConfig& wanted) const;
  // Beginning and serving, in proxy.cc.
  void finish(int exit_code);
  void put_in_force(SnapshotPointer snapshot);
  void watch_config();
  bool begin(Started started, Inventory inventory);
  bool make_redis(const ProxyConfig& config);
  void adopt(std::vector<SlotProcess> processes);
  void on_change();
  void start_workers();
  void accept_now();
  void announce();
  void on_worker_closed(const WorkerSlot& worker, const std::vector<control::ClosedRecord>& reports);
  WorkerSpec worker_spec(const ProxyConfig& config, const PoolConfig& pool) const;
  // Listeners and who comes in, in proxy_doors.cc.
  void open_doors(std::vector<BoundListener> listeners);
  void open_door(ListenerConfig config, Descriptor socket, std::shared_ptr<const net::TlsContext> tls);
  void update_accepting();
  void on_accepted(Door& door, Descriptor socket, const net::Address& peer);
  void on_session_ended(DownstreamSession& session);
  void look_for_room();
  PreparedDoors prepare_doors(const ProxyConfig& wanted);
  Door* find_door(const ListenerConfig& listener, const ProxyConfig& wanted);
  Result<Descriptor> listen_anew(const ListenerConfig& listener);
  void apply_doors(PreparedDoors prepared);
  void close_door(std::unique_ptr<Door> door);
  void on_close_tick();
  void warn_of_expiry(const ListenerConfig& listener, const net::TlsContext* tls);
  std::vector<std::string> certificate_files() const;
  // The end, in proxy_end.cc.
  void on_signal(int signal);
  void leave();
  void leave_when_settled();
  void stop_when_idle();
  void end_orphans();
  void close_sessions_soon(DownstreamSession::Closing how);

  event::Loop& loop_;
  Log& log_;
  const event::LineWriter& log_lines_;
  OutputSink output_;
  ConfigSource source_;
  SystemRandom random_;
  WallClock clock_;
  std::uint64_t epoch_;
  KeeperLink keeper_;
  event::Signals signals_;
  TimePoint started_at_;
  pid_t supervisor_;
  int exit_code_ = 0;
  bool finished_ = false;

  // From begin() on.
  SnapshotPointer snapshot_;
  std::vector<std::weak_ptr<const Snapshot>> revisions_;  // all that were in force
  std::string config_text_;
  bool kept_config_ = false;
  std::int64_t last_reload_ = 0;  // Unix seconds
  bool last_reload_ok_ = true;
  std::vector<std::string> last_reload_errors_;
  std::unique_ptr<ConfigWatcher> config_watcher_;  // while `watch` is true
  HubPaths hub_paths_;
  std::unique_ptr<AffinityTable> affinity_;
  std::unique_ptr<PoolRegistry> pools_;
  std::unique_ptr<RemoteRegistry> remotes_;
  std::optional<SlotServices> slot_services_;
  std::optional<WorkerRegistry> workers_;
  std::unique_ptr<ManagedRedis> redis_;
  SessionMetrics metrics_;
  SourceLimits sources_{random_};
  AccessLog access_log_;
  HandedOverBook handed_over_;
  std::optional<SessionServices> services_;
  std::optional<net::TlsHandshakes> handshakes_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::unique_ptr<LeavingDoor>> leaving_doors_;
  std::uint64_t last_door_ = 0;
  event::Timer close_timer_{loop_, [this] { on_close_tick(); }};
  std::unordered_map<const DownstreamSession*, std::unique_ptr<DownstreamSession>> sessions_;
  std::size_t most_descriptors_ = 0;                             // of clients, connections to endpoints and files
  event::Timer room_timer_{loop_, [this] { look_for_room(); }};  // runs while there is no room
  bool full_ = false;
  std::uint64_t times_full_ = 0;
  std::unique_ptr<AdminServer> admin_;
  bool accepting_ = false;
  bool announced_ = false;  // by us or by a proxy before us
  event::Timer accept_timer_;
  bool change_scheduled_ = false;

  // The end.
  bool stopping_ = false;  // the gateway
  bool leaving_ = false;   // we alone
  bool orphaned_ = false;
  bool last_words_waited_ = false;
  event::Timer end_timer_;
  event::Timer last_words_;
  event::Timer poll_timer_;
};

}  // namespace hubgate::proxy
