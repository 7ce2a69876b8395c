#include <algorithm>
#include <utility>

#include "common/config/units.h"
#include "proxy/config/check_files.h"
#include "proxy/proxy.h"

// What operators ask for besides a reload: restart, rebalance, drain, undrain, diff.

namespace hubgate::proxy {
namespace {

VerbAnswer refused(std::string why) { return {false, {std::move(why)}}; }

std::string connections(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " connection" : " connections");
}

std::uint64_t active_of(const PoolRunner& workers, std::uint32_t from_slot) {
  std::uint64_t active = 0;
  for (const auto& slot : workers.slots()) {
    if (slot->slot() < from_slot) continue;
    for (const WorkerSlot* worker : slot->living()) active += worker->load().active;
  }
  return active;
}

std::uint64_t active_beside(const Pool& pool, const std::vector<EndpointConfig>& staying) {
  std::uint64_t active = 0;
  for (const Endpoint* endpoint : pool.endpoints()) {
    const bool stays = std::any_of(staying.begin(), staying.end(),
                                   [&](const EndpointConfig& one) { return one.address == endpoint->name(); });
    if (!endpoint->is_local() && !stays) active += endpoint->active();
  }
  return active;
}

}  // namespace

bool Proxy::takes_verbs() const { return snapshot_ != nullptr && !stopping_ && !leaving_ && !orphaned_; }

VerbAnswer Proxy::restart(const std::string& pool) {
  if (!takes_verbs()) return refused("the gateway stops, or has not begun");
  PoolRunner* workers = workers_->find(pool);
  if (workers == nullptr || workers->pool().is_retired())
    return refused("there is no pool \"" + pool + "\" with workers");
  workers->restart();
  const PoolRunner::Restart now = workers->restart_status();
  return {true,
          {"restart " + std::to_string(now.number) + " of pool " + pool + ": " + std::to_string(now.slots) +
           " workers, one after the other, each drained over " +
           config::format_duration(workers->pool().config().drain_time)}};
}

VerbAnswer Proxy::rebalance(const std::string& pool) {
  if (!takes_verbs()) return refused("the gateway stops, or has not begun");
  PoolRunner* workers = workers_->find(pool);
  if (workers == nullptr || workers->pool().is_retired())
    return refused("there is no pool \"" + pool + "\" with workers");
  if (workers->restart_status().under_way) {
    return refused("pool " + pool +
                   " is being restarted, which moves its connections anyway (ask again when it is done)");
  }
  VerbAnswer answer{true, {}};
  for (const Rebalancer::Surplus& one : workers->rebalance()) {
    answer.lines.push_back(one.endpoint->name() + ": " + std::to_string(one.count) + " of " + connections(one.active) +
                           " asked to reconnect over " + config::format_duration(workers->pool().config().drain_time));
  }
  if (answer.lines.empty()) answer.lines.push_back("pool " + pool + " is even");
  return answer;
}

VerbAnswer Proxy::drain(const std::string& endpoint, bool drained) {
  if (!takes_verbs()) return refused("the gateway stops, or has not begun");
  VerbAnswer answer{true, {}};
  const Pool* pool = nullptr;
  if (SlotRunner* slot = workers_->find_slot(endpoint)) {
    if (slot->is_leaving()) return refused(endpoint + " leaves for good already");
    pool = &slot->pool();
    slot->hold(drained);
    answer.lines.push_back(endpoint + (drained ? ": its clients are asked to reconnect over " +
                                                     config::format_duration(pool->config().drain_time) +
                                                     ", and it gets no new ones"
                                               : ": serves again"));
  }
  for (const auto& [name, one] : pools_->pools()) {
    for (Endpoint* remote : one->endpoints()) {
      if (remote->is_local() || remote->name() != endpoint) continue;
      pool = one.get();
      remote->set_draining(drained);
      answer.lines.push_back(endpoint + " in pool " + name +
                             (drained ? ": gets nothing new, " + connections(remote->active()) + " stay until they end"
                                      : ": serves again"));
    }
  }
  if (pool == nullptr) return refused("there is no endpoint \"" + endpoint + "\" (`hubgate status` lists them)");
  log_.info(drained ? "endpoint held" : "endpoint put back", {{"endpoint", endpoint}});
  if (!pool->has_ready_endpoint()) {
    answer.lines.push_back("warning: pool " + pool->name() + " has no other endpoint: new clients wait, then get 503");
  }
  return answer;
}

VerbAnswer Proxy::diff(const std::string& file) const {
  if (!takes_verbs()) return refused("the gateway stops, or has not begun");
  ConfigSource source = source_;
  source.file = file;
  auto text = read_config_file(file);
  if (!text) return refused(text.error().what);
  source.text = *std::move(text);
  LoadedConfig loaded =
      load_proxy_config(source, [this](const ProxyConfig& config) { return check_files(config, source_.dev); });
  if (!loaded.config) return {false, std::move(loaded.errors)};
  const ReloadPlan plan = plan_reload(*snapshot_, *loaded.config);
  VerbAnswer answer{true, {}};
  for (const ConfigChange& change : plan.changes) {
    answer.lines.push_back(change.line + " (" + reach_of(change.key, *loaded.config) + ")");
  }
  for (const std::string& line : plan.needs_restart) answer.lines.push_back("needs restart: " + line);
  return answer;
}

// How many living connections the change of one key touches.
std::string Proxy::reach_of(const std::string& changed_key, const ProxyConfig& wanted) const {
  for (const PoolConfig& now : snapshot_->config.pools) {
    const std::string pool_key = "pool." + now.name + '.';
    if (!changed_key.starts_with(pool_key)) continue;
    const std::string_view field = std::string_view(changed_key).substr(pool_key.size());
    const PoolConfig* next = wanted.find_pool(now.name);
    const PoolRunner* workers = workers_->find(now.name);
    std::uint64_t closed = 0;
    if (field == "endpoints") {
      const Pool* pool = pools_->find(now.name);
      const auto staying = next == nullptr ? std::vector<EndpointConfig>() : next->endpoints;
      return connections(pool == nullptr ? 0 : active_beside(*pool, staying)) + " stay until they end";
    }
    if (workers != nullptr && (field == "command" || field == "application")) {
      closed = active_of(*workers, 0);
    } else if (workers != nullptr && field == "workers") {
      closed = active_of(*workers, next == nullptr || !next->is_local() ? 0 : next->workers);
    } else {
      break;
    }
    return connections(closed) +
           (closed == 0 ? "" : " asked to reconnect over " + config::format_duration(now.drain_time));
  }
  return connections(0);
}

}  // namespace hubgate::proxy
