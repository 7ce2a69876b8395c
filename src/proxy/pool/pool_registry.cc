#include "proxy/pool/pool_registry.h"

#include <algorithm>

namespace hubgate::proxy {
namespace {

// Endpoints of the configuration are fixed addresses; load_proxy_config has refused what does not parse.
void add_addresses(Pool& pool, Log& log) {
  for (const std::string& text : pool.config().endpoints) {
    Result<net::Address> address = net::Address::parse(text);
    if (!address) {
      log.error("endpoint without an address",
                {{"pool", pool.name()}, {"endpoint", text}, {"error", address.error().what}});
      continue;
    }
    pool.add({.name = text, .key = {endpoint_id_of_remote(pool.name(), text), 0}, .slow_start = false}, *address);
  }
}

}  // namespace

PoolRegistry::Applied PoolRegistry::apply(const ProxyConfig& config) {
  Applied applied;
  const bool first = pools_.empty();
  for (const PoolConfig& wanted : config.pools) {
    const auto place = pools_.find(wanted.name);
    if (place != pools_.end()) {
      if (place->second->config() != wanted) applied.needs_restart.push_back(wanted.name);
      continue;
    }
    if (!first) {
      applied.needs_restart.push_back(wanted.name);
      continue;
    }
    const auto made =
        pools_.emplace(wanted.name, std::make_unique<Pool>(loop_, timers_, log_, wanted, config.limits)).first;
    add_addresses(*made->second, log_);
    applied.added.push_back(wanted.name);
  }
  for (const auto& [name, pool] : pools_) {
    pool->set_limits(config.limits);
    if (config.find_pool(name) == nullptr) applied.needs_restart.push_back(name);
  }
  return applied;
}

Pool* PoolRegistry::find(std::string_view name) const {
  const auto place = pools_.find(name);
  return place == pools_.end() ? nullptr : place->second.get();
}

bool PoolRegistry::all_ready() const {
  return std::all_of(pools_.begin(), pools_.end(),
                     [](const auto& entry) { return entry.second->has_ready_endpoint(); });
}

}  // namespace hubgate::proxy
