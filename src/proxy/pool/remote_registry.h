#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/random.h"
#include "proxy/pool/endpoint_prober.h"
#include "proxy/pool/host_watch.h"
#include "proxy/pool/pool_registry.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {

/// The remote endpoints of all pools: makes and removes them as the configuration says, knows their tags, asks them
/// whether they are healthy, and resolves their names. Owned by the Proxy, which ends it before the pools; one thread,
/// the loop's.
///
/// One text of the configuration is one endpoint, whatever it resolves to: its tag is made of the text, so that clients
/// find the server that they negotiated with over restarts and reloads. A name is taken for one server: of several
/// addresses the one that was reached last is used until it cannot be reached or is gone from the answer.
///
/// A name that has not been resolved yet has no address and gets nothing; when it cannot be, it is unhealthy. When it
/// cannot be any more, its last addresses stay in use as long as probes are answered there: name servers fail more
/// often than they are right to know nothing of a server that works.
class RemoteRegistry {
 public:
  /// Everything given outlives it. `timers` is the loop in programs. `look_up`: as HostWatch's.
  RemoteRegistry(event::Loop& loop, event::Timers& timers, Log& log, Random& random, PoolRegistry& pools,
                 AffinityTable& affinity, HostWatch::LookUp look_up = {});
  ~RemoteRegistry();
  RemoteRegistry(const RemoteRegistry&) = delete;
  RemoteRegistry& operator=(const RemoteRegistry&) = delete;

  /// After PoolRegistry::apply. Endpoints that are new are added; those that are gone get nothing new, are found by no
  /// token, and end with their last request; the others keep health and counters.
  void apply();
  std::size_t size() const { return remotes_.size(); }

 private:
  struct Remote {
    Remote(RemoteRegistry& owner, Endpoint& of, const HealthConfig& health)
        : endpoint(of), prober(owner.loop_, owner.timers_, owner.random_, of, health) {}
    Endpoint& endpoint;
    EndpointProber prober;
    std::optional<HostWatch> host{};  // of a name
  };
  using Name = std::pair<std::string, std::string>;  // pool, endpoint

  void add(Pool& pool, const EndpointConfig& config, bool late);
  void end(Pool& pool, Remote& remote);
  void on_resolved(Remote& remote, const Result<std::vector<net::Address>>& addresses);

  event::Loop& loop_;
  event::Timers& timers_;
  Log& log_;
  Random& random_;
  PoolRegistry& pools_;
  AffinityTable& affinity_;
  HostWatch::LookUp look_up_;
  std::map<Name, std::unique_ptr<Remote>> remotes_;
};

}  // namespace hubgate::proxy
