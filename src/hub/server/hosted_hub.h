#pragma once

#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <vector>

#include <hubgate/hub_server.h>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "hub/connections/origin_list.h"
#include "hub/core/hub_connection_handler.h"
#include "hub/core/hub_context_gate.h"
#include "hub/core/hub_method_table.h"
#include "hub/lifetime/redis_hub_lifetime_manager.h"

namespace hubgate::hub {

/// What a server gives all its hubs, once it is known.
struct Backplane {
  std::string redis = {};  // address as the user wrote it; empty: this process alone
  std::string channel_prefix = {};
};

/// One hub class at one path of a server: its methods from the start, the rest from open() on. The loop's thread.
class HostedHub {
 public:
  /// Throws std::invalid_argument for what cannot work: two methods of one name, no way to make an object.
  HostedHub(std::string path, HubOptions options, detail::HubDefinition definition, std::type_index type,
            std::shared_ptr<Executor> executor);
  ~HostedHub();

  const std::string& path() const { return path_; }
  std::type_index type() const { return type_; }
  const HubOptions& options() const { return options_; }
  const HubMethodTable& methods() const { return methods_; }
  const OriginList& origins() const { return origins_; }
  const std::shared_ptr<HubContextGate>& gate() const { return gate_; }

  struct Surroundings {
    event::Loop& loop;
    Log& log;
    Random& random;
  };
  /// Makes what serves clients, and connects to Redis if there is one; once. `on_redis_state` may be null. Error
  /// kInvalid: settings that cannot work.
  Result<void> open(const Surroundings& surroundings, const Backplane& backplane, HubDispatcher::UserId user_id,
                    std::function<void()> on_redis_state);
  /// What the options leave open, at any time after open().
  void set_receive_limits(const ReceiveLimits& limits);
  /// Bytes of publishes that wait for Redis.
  void set_redis_queue(std::size_t bytes);
  /// Where transports bring their connections; only when it is open.
  HubConnectionHandler& handler() { return *handler_; }
  /// No request of a HubContext comes through any more, and Redis is left.
  void close();

  /// Adds its statistics, in Prometheus' text without pool and endpoint.
  void add_series(std::map<std::string, double>& series) const;
  /// Messages that Redis has not taken yet, of those that were given to it.
  std::size_t unanswered() const { return redis_ == nullptr ? 0 : redis_->unanswered(); }
  /// "ready", "down", …; empty without Redis.
  std::string_view redis_state() const;

 private:
  const std::string path_;
  const HubOptions options_;
  const HubMethodTable methods_;
  OriginList origins_;
  HubDispatcher::MakeHub make_hub_;
  const std::type_index type_;
  const std::shared_ptr<HubContextGate> gate_;
  std::unique_ptr<HubLifetimeManager> lifetime_;
  RedisHubLifetimeManager* redis_ = nullptr;  // lifetime_, when it is one
  std::unique_ptr<HubDispatcher> dispatcher_;
  std::unique_ptr<HubConnectionHandler> handler_;
};

}  // namespace hubgate::hub
