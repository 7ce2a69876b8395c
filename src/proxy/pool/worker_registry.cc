#include "proxy/pool/worker_registry.h"

#include <utility>

namespace hubgate::proxy {

void WorkerRegistry::apply(const ProxyConfig& config) {
  for (auto& [name, runner] : runners_) {
    const PoolConfig* pool = config.find_pool(name);
    if (pool == nullptr || !pool->is_local()) runner->apply(runner->spec(), 0);
  }
  for (const PoolConfig& pool : config.pools) {
    if (!pool.is_local()) continue;
    std::unique_ptr<PoolRunner>& runner = runners_[pool.name];
    if (!runner) runner = std::make_unique<PoolRunner>(services_, *pools_.find(pool.name));
    runner->apply(spec_of_(config, pool), pool.workers);
    if (started_) runner->start();
  }
}

void WorkerRegistry::start() {
  if (std::exchange(started_, true)) return;
  for (auto& [name, runner] : runners_) runner->start();
}

void WorkerRegistry::advance() {
  for (auto& [name, runner] : runners_) runner->advance();
  std::erase_if(runners_, [this](const auto& entry) {
    if (!entry.second->slots().empty()) return false;
    services_.hub_paths.set(entry.first, {});
    return true;
  });
}

bool WorkerRegistry::adopt(SlotProcess process) {
  PoolRunner* runner = find(process.id.pool);
  if (runner == nullptr) return false;
  runner->adopt(std::move(process));
  return true;
}

void WorkerRegistry::on_spawn_failed(const control::SpawnFailed& failed) {
  if (SlotRunner* slot = find_slot(failed.id)) slot->on_spawn_failed(failed);
}

void WorkerRegistry::on_exited(const control::Exited& exited) {
  if (SlotRunner* slot = find_slot(exited.id)) slot->on_exited(exited);
}

// ---- to each

void WorkerRegistry::each(const std::function<void(SlotRunner&)>& call) const {
  for (const auto& [name, runner] : runners_) {
    for (const auto& slot : runner->slots()) call(*slot);
  }
}

bool WorkerRegistry::all(const std::function<bool(const SlotRunner&)>& is_so) const {
  bool result = true;
  each([&](const SlotRunner& slot) { result = result && is_so(slot); });
  return result;
}

void WorkerRegistry::stop(Duration spread, Duration hard) {
  each([&](SlotRunner& slot) { slot.stop(spread, hard); });
}
void WorkerRegistry::stop_handing_over() {
  each([](SlotRunner& slot) { slot.stop_handing_over(); });
}
void WorkerRegistry::signal_directly(int signal) {
  each([&](SlotRunner& slot) { slot.signal_directly(signal); });
}
void WorkerRegistry::close_links() {
  each([](SlotRunner& slot) { slot.close_links(); });
}

bool WorkerRegistry::all_ready() const {
  return all([](const SlotRunner& slot) { return slot.is_leaving() || slot.is_ready(); });
}
bool WorkerRegistry::all_answered() const {
  return all([](const SlotRunner& slot) { return slot.has_answered(); });
}
bool WorkerRegistry::is_idle() const {
  return all([](const SlotRunner& slot) { return slot.is_idle(); });
}
bool WorkerRegistry::is_alive() const {
  return !all([](const SlotRunner& slot) { return !slot.is_alive(); });
}

std::size_t WorkerRegistry::unsettled() const {
  std::size_t count = 0;
  each([&](const SlotRunner& slot) { count += slot.unsettled(); });
  return count;
}

PoolRunner* WorkerRegistry::find(std::string_view pool) const {
  const auto place = runners_.find(pool);
  return place == runners_.end() ? nullptr : place->second.get();
}

SlotRunner* WorkerRegistry::find_slot(const control::SlotId& id) const {
  const PoolRunner* runner = find(id.pool);
  return runner == nullptr ? nullptr : runner->find(id.slot);
}

SlotRunner* WorkerRegistry::find_slot(std::string_view name) const {
  SlotRunner* found = nullptr;
  each([&](SlotRunner& slot) {
    if (slot.name() == name) found = &slot;
  });
  return found;
}

}  // namespace hubgate::proxy
