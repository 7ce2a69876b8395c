#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "proxy/pool/pool.h"

namespace hubgate::proxy {

/// All pools by name. Owned by the Proxy; outlives its sessions. One thread, the loop's.
class PoolRegistry {
 public:
  PoolRegistry(event::Loop& loop, event::Timers& timers, Log& log) : loop_(loop), timers_(timers), log_(log) {}

  /// Makes, changes and retires pools until they are those of `config`: living ones keep their endpoints, health and
  /// counters. Endpoints are the WorkerRegistry's and the RemoteRegistry's.
  void apply(const ProxyConfig& config);

  /// Null for a pool that is not in the configuration.
  Pool* find(std::string_view name) const;
  /// Retired ones, too: they are kept for requests under way, and for the day that they return.
  const std::map<std::string, std::unique_ptr<Pool>, std::less<>>& pools() const { return pools_; }
  /// Of all pools, see Pool.
  std::size_t connections() const;
  void close_idle();
  /// More clients should be let in slowly: with the `silent` ones, who have not sent a request yet, there might be more
  /// requests than a queue has room for, and those would be answered 503. A pool without a ready endpoint does not
  /// count: whom another one serves must not wait for it.
  bool is_crowded(std::size_t silent) const;
  /// Every pool has an endpoint that is ready. One that came with a reload counts from its first ready endpoint on.
  bool all_ready() const;

  static constexpr std::size_t kLeastCrowd = 512;  // however short the queue may be

 private:
  event::Loop& loop_;
  event::Timers& timers_;
  Log& log_;
  std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools_;
  std::set<std::string, std::less<>> late_;  // came with a reload
};

}  // namespace hubgate::proxy
