#include "proxy/pool/pool_registry.h"

#include <algorithm>

namespace hubgate::proxy {
void PoolRegistry::apply(const ProxyConfig& config) {
  const bool first = pools_.empty();
  for (const PoolConfig& wanted : config.pools) {
    std::unique_ptr<Pool>& pool = pools_[wanted.name];
    if (!first && (!pool || pool->is_retired())) late_.insert(wanted.name);
    if (!pool) pool = std::make_unique<Pool>(loop_, timers_, log_, wanted, config.limits);
    pool->set_config(wanted);
    pool->set_retired(false);
  }
  for (const auto& [name, pool] : pools_) {
    pool->set_limits(config.limits);
    if (config.find_pool(name) != nullptr || pool->is_retired()) continue;
    log_.info("pool removed", {{"pool", name}});
    pool->set_retired(true);
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
