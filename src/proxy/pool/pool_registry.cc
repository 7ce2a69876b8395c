#include "proxy/pool/pool_registry.h"

#include <algorithm>
#include <vector>

namespace hubgate::proxy {
namespace {

// Adds and removes until the pool's addresses are those of its configuration; load_proxy_config has refused what does
// not parse.
void apply_addresses(Pool& pool, Log& log) {
  std::vector<EndpointKey> wanted;
  for (const std::string& text : pool.is_retired() ? std::vector<std::string>() : pool.config().endpoints) {
    const EndpointKey key{endpoint_id_of_remote(pool.name(), text), 0};
    wanted.push_back(key);
    if (pool.find(key) != nullptr) continue;
    Result<net::Address> address = net::Address::parse(text);
    if (!address) {
      log.error("endpoint without an address",
                {{"pool", pool.name()}, {"endpoint", text}, {"error", address.error().what}});
      continue;
    }
    pool.add({.name = text, .key = key, .slow_start = false}, *address);
  }
  const std::vector<Endpoint*> living = pool.endpoints();
  for (Endpoint* endpoint : living) {
    if (endpoint->is_local() || std::find(wanted.begin(), wanted.end(), endpoint->key()) != wanted.end()) continue;
    pool.remove(*endpoint);
  }
}

}  // namespace

void PoolRegistry::apply(const ProxyConfig& config) {
  const bool first = pools_.empty();
  for (const PoolConfig& wanted : config.pools) {
    std::unique_ptr<Pool>& pool = pools_[wanted.name];
    if (!first && (!pool || pool->is_retired())) late_.insert(wanted.name);
    if (!pool) pool = std::make_unique<Pool>(loop_, timers_, log_, wanted, config.limits);
    pool->set_config(wanted);
    pool->set_retired(false);
    apply_addresses(*pool, log_);
  }
  for (const auto& [name, pool] : pools_) {
    pool->set_limits(config.limits);
    if (config.find_pool(name) != nullptr || pool->is_retired()) continue;
    log_.info("pool removed", {{"pool", name}});
    pool->set_retired(true);
    apply_addresses(*pool, log_);
  }
}

Pool* PoolRegistry::find(std::string_view name) const {
  const auto place = pools_.find(name);
  return place == pools_.end() || place->second->is_retired() ? nullptr : place->second.get();
}

bool PoolRegistry::all_ready() const {
  return std::all_of(pools_.begin(), pools_.end(), [this](const auto& entry) {
    const Pool& pool = *entry.second;
    return pool.is_retired() || pool.has_ready_endpoint() || (late_.contains(entry.first) && !pool.has_been_ready());
  });
}

bool PoolRegistry::is_crowded(std::size_t silent) const {
  return std::any_of(pools_.begin(), pools_.end(), [silent](const auto& entry) {
    const Pool& pool = *entry.second;
    const std::size_t crowd = std::max<std::size_t>(kLeastCrowd, pool.limits().queue_length / 4 * 3);
    return pool.waiting() + silent >= crowd && pool.has_ready_endpoint();
  });
}

std::size_t PoolRegistry::connections() const {
  std::size_t count = 0;
  for (const auto& [name, pool] : pools_) count += pool->connections();
  return count;
}

void PoolRegistry::close_idle() {
  for (const auto& [name, pool] : pools_) pool->close_idle();
}

}  // namespace hubgate::proxy
