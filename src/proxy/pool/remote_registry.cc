#include "proxy/pool/remote_registry.h"

#include <algorithm>

#include "proxy/config/endpoint_address.h"

namespace hubgate::proxy {
namespace {

const EndpointConfig* find(const Pool& pool, const std::string& name) {
  if (pool.is_retired()) return nullptr;
  const auto& endpoints = pool.config().endpoints;
  const auto place =
      std::find_if(endpoints.begin(), endpoints.end(), [&](const EndpointConfig& one) { return one.address == name; });
  return place == endpoints.end() ? nullptr : &*place;
}

}  // namespace

RemoteRegistry::RemoteRegistry(event::Loop& loop, event::Timers& timers, Log& log, Random& random, PoolRegistry& pools,
                               AffinityTable& affinity, HostWatch::LookUp look_up)
    : loop_(loop),
      timers_(timers),
      log_(log),
      random_(random),
      pools_(pools),
      affinity_(affinity),
      look_up_(std::move(look_up)) {}

RemoteRegistry::~RemoteRegistry() = default;

void RemoteRegistry::apply() {
  std::erase_if(remotes_, [this](const auto& entry) {
    Pool& pool = *pools_.pools().find(entry.first.first)->second;
    if (find(pool, entry.first.second) != nullptr) return false;
    end(pool, *entry.second);
    return true;
  });
  for (const auto& [name, pool] : pools_.pools()) {
    if (pool->is_retired()) continue;
    const bool late = !pool->endpoints().empty();
    for (const EndpointConfig& config : pool->config().endpoints) {
      const auto place = remotes_.find({name, config.address});
      if (place == remotes_.end()) {
        add(*pool, config, late);
      } else {
        place->second->endpoint.set_weight(config.weight);
        place->second->prober.set_config(pool->config().health);
      }
    }
  }
}

void RemoteRegistry::add(Pool& pool, const EndpointConfig& config, bool late) {
  const EndpointKey key{endpoint_id_of_remote(pool.name(), config.address), 0};
  const Result<EndpointAddress> address = EndpointAddress::parse(config.address);
  if (!address || pool.find(key) != nullptr) {  // a configuration that was kept from before is not checked again
    log_.error("endpoint without an address",
               {{"pool", pool.name()},
                {"endpoint", config.address},
                {"error", address ? "its id is taken" : std::string_view(address.error().what)}});
    return;
  }
  const EndpointFacts facts{.name = config.address, .key = key, .weight = config.weight};
  Endpoint& endpoint =
      address->is_name() ? pool.add(facts, std::vector<net::Address>()) : pool.add(facts, {address->address});
  if (late) endpoint.on_ready();  // beside those that have their share already
  affinity_.add(key);
  auto made = std::make_unique<Remote>(*this, endpoint, pool.config().health);
  Remote& remote = *remotes_.emplace(Name{pool.name(), config.address}, std::move(made)).first->second;
  if (!address->is_name()) return;
  remote.host.emplace(loop_, timers_, random_, look_up_, address->host, address->port,
                      [this, &remote](const Result<std::vector<net::Address>>& found) { on_resolved(remote, found); });
}

void RemoteRegistry::on_resolved(Remote& remote, const Result<std::vector<net::Address>>& addresses) {
  Endpoint& endpoint = remote.endpoint;
  const bool had_none = endpoint.addresses().empty();
  if (!addresses) {
    log_.warn("endpoint is not resolved", {{"pool", endpoint.pool().name()},
                                           {"endpoint", endpoint.name()},
                                           {"error", addresses.error().what},
                                           {"kept", endpoint.addresses().size()}});
    if (had_none) endpoint.set_health(Endpoint::Health::kUnhealthy, "its name has no address");
    return;
  }
  endpoint.set_addresses(*addresses);
  log_.info("endpoint is resolved", {{"pool", endpoint.pool().name()},
                                     {"endpoint", endpoint.name()},
                                     {"addresses", addresses->size()},
                                     {"first", endpoint.addresses().front().to_string()}});
  remote.prober.ask_soon(had_none);
}

void RemoteRegistry::end(Pool& pool, Remote& remote) {
  affinity_.remove(remote.endpoint.key());
  pool.remove(remote.endpoint);
}

}  // namespace hubgate::proxy
