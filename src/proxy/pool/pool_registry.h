#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/pool/pool.h"

namespace hubgate::proxy {

/// All pools by name. Owned by the Proxy; outlives its sessions. One thread, the loop's.
class PoolRegistry {
 public:
  PoolRegistry(event::Loop& loop, event::Timers& timers, Log& log) : loop_(loop), timers_(timers), log_(log) {}

  /// What apply() did, by pool name. Reported, never ignored.
  struct Applied {
    std::vector<std::string> added;
    std::vector<std::string> needs_restart;  // differs from the living pool, or is gone from the configuration
  };
  /// The first time: makes every pool of `config`, with the endpoints of those that name addresses. Later: living
  /// pools, their endpoints, health and counters stay and get the new limits; a difference is reported as needing a
  /// restart.
  Applied apply(const ProxyConfig& config);

  Pool* find(std::string_view name) const;
  const std::map<std::string, std::unique_ptr<Pool>, std::less<>>& pools() const { return pools_; }
  /// Every pool has an endpoint that is ready.
  bool all_ready() const;

 private:
  event::Loop& loop_;
  event::Timers& timers_;
  Log& log_;
  std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools_;
};

}  // namespace hubgate::proxy
