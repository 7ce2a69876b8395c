#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/hub_server.h>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/net/listener.h"
#include "hub/connections/gradual_closer.h"
#include "hub/connections/http_connection_dispatcher.h"
#include "hub/connections/http_connection_manager.h"
#include "hub/server/hosted_hub.h"

namespace hubgate::hub {

/// The serving part of a HubServer, whoever brings the sockets: hubs, their connections, and the drain. Made when all
/// settings are known. The loop's thread.
class ServerRuntime {
 public:
  using Hubs = std::vector<std::unique_ptr<HostedHub>>;
  struct Surroundings {
    event::Loop& loop;
    Log& log;
    Random& random;
    Hubs& hubs;
  };
  struct Settings {
    Backplane backplane = {};
    std::size_t max_connections = 0;  // 0: no limit but descriptors
    HubDispatcher::UserId user_id = nullptr;
    std::function<void()> on_redis_state = nullptr;
  };

  struct Limits {
    TransportLimits transport = {};
    ReceiveLimits receive = {};
    std::size_t redis_queue = 8u * 1024 * 1024;  // bytes of publishes that wait
  };

  /// Everything given outlives it.
  explicit ServerRuntime(const Surroundings& surroundings);
  ~ServerRuntime();

  /// Opens the hubs and maps their paths; once. Error kInvalid: settings that cannot work.
  Result<void> open(const Settings& settings);
  /// Any time after open(); what lives goes by them, too.
  void set_limits(const Limits& limits);
  /// Listens by itself; the address as bound. Errors: kInvalid for the text, kSystem.
  Result<std::string> listen(std::string_view address);
  /// Serves one socket; `input` was read from it already.
  void serve(Descriptor socket, ConnectionOrigin origin, Bytes input = {});
  /// May this many more come? Asked for each socket, each negotiation and each WebSocket without an id.
  bool has_room(std::size_t more) const;
  std::size_t max_connections() const { return max_connections_; }

  struct DrainOrder {
    Duration spread{};
    Duration hard{};
    bool is_stop = false;  // nobody may come back here: negotiated tokens do not count
  };
  /// Closes the listener, asks all clients to go elsewhere within `spread`, cuts what is left at `hard`. `on_drained`
  /// is called once, in a later turn, when the last connection has ended and Redis has taken all that was sent, but not
  /// later than kLastWords after `hard` for its sake; clients that come after that are asked to go, too. A second order
  /// replaces the first.
  void drain(const DrainOrder& order, std::function<void()> on_drained);
  /// Ends a drain; a listener that was closed stays closed.
  void undrain();
  static constexpr Duration kLastWords = std::chrono::seconds(2);
  bool is_draining() const { return draining_; }
  /// Asks some clients to go elsewhere.
  void rebalance(std::size_t count, Duration within) {
    if (!draining_) closer_.start(count, within);  // a drain asks them all
  }

  HttpConnectionManager& connections() { return connections_; }
  const HttpConnectionManager& connections() const { return connections_; }
  /// Called often; see HttpConnectionManager::set_on_load_changed.
  void set_on_load_changed(std::function<void()> on_changed) { on_load_changed_ = std::move(on_changed); }

  std::map<std::string, double> series() const;
  /// The worst state of the hubs' clients of Redis; empty without Redis.
  std::string redis_state() const;

 private:
  void on_load_changed();
  void check_drained();

  Surroundings around_;
  HttpConnectionManager connections_;
  HttpConnectionDispatcher http_;
  GradualCloser closer_;
  std::optional<net::Listener> listener_;
  std::string unix_path_;  // of the listener, to be removed at the end
  std::size_t max_connections_ = 0;
  std::function<void()> on_load_changed_;
  std::function<void()> on_drained_;  // null once called
  bool draining_ = false;
  TimePoint waits_until_{};  // for Redis, after the last connection
  event::Timer hard_;
  event::Timer check_;  // looks for the drain's end with an empty stack
};

}  // namespace hubgate::hub
