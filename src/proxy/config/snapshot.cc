#include "proxy/config/snapshot.h"

#include <algorithm>
#include <map>

#include "common/base/digest.h"
#include "common/config/units.h"
#include "proxy/config/limits_keys.h"

namespace hubgate::proxy {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) {
    if (out.size() > 1) out += ", ";
    out += word;
  }
  return out + "]";
}

std::string joined(const std::vector<EndpointConfig>& endpoints) {
  std::vector<std::string> words;
  for (const EndpointConfig& endpoint : endpoints) {
    words.push_back(endpoint.address + (endpoint.weight == 1 ? "" : " weight " + std::to_string(endpoint.weight)));
  }
  return joined(words);
}

std::string text_of(bool value) { return value ? "true" : "false"; }

std::string route_key(const Route& route) {
  return "route " + route.prefix + (route.listeners.empty() ? "" : " on " + joined(route.listeners));
}

std::string hash_of(const ProxyConfig& config) {
  std::string text;
  for (const ConfigEntry& entry : describe(config)) {
    text += entry.key + '\0' + entry.shown + '\0';
  }
  const Sha256 digest = sha256({as_bytes(text)});
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hash;
  for (std::size_t i = 0; i < 8; ++i) {
    hash += kDigits[std::to_integer<std::size_t>(digest[i] >> 4)];
    hash += kDigits[std::to_integer<std::size_t>(digest[i] & std::byte{15})];
  }
  return hash;
}

// In the order of `after`, then what only `before` has.
std::vector<ConfigChange> differences(const ProxyConfig& before, const ProxyConfig& after) {
  std::map<std::string, ConfigEntry> old;
  for (ConfigEntry& entry : describe(before)) old.emplace(entry.key, std::move(entry));
  std::vector<ConfigChange> changes;
  for (const ConfigEntry& entry : describe(after)) {
    const auto place = old.find(entry.key);
    if (place == old.end()) {
      changes.push_back({entry.key, entry.key + ": added (" + entry.shown + ")"});
      continue;
    }
    if (place->second.shown != entry.shown) {
      changes.push_back({entry.key, entry.key + ": " + place->second.shown + " -> " + entry.shown});
    } else if (place->second.secret != entry.secret) {
      changes.push_back({entry.key, entry.key + ": changed (a secret)"});
    }
    old.erase(place);
  }
  for (const auto& [key, entry] : old) changes.push_back({key, key + ": removed"});
  return changes;
}

std::vector<std::string> lines_of(const std::vector<ConfigChange>& changes) {
  std::vector<std::string> lines;
  lines.reserve(changes.size());
  for (const ConfigChange& change : changes) lines.push_back(change.line);
  return lines;
}

// The wanted listeners; of those that cannot be bound the old one of that name, if there is one.
std::vector<ListenerConfig> servable_listeners(const ProxyConfig& running, const std::vector<ListenerConfig>& wanted,
                                               std::span<const std::string> cannot_listen) {
  std::vector<ListenerConfig> listeners;
  for (const ListenerConfig& listener : wanted) {
    if (std::find(cannot_listen.begin(), cannot_listen.end(), listener.name) == cannot_listen.end()) {
      listeners.push_back(listener);
    } else if (const ListenerConfig* old = running.find_listener(listener.name)) {
      listeners.push_back(*old);
    }
  }
  return listeners;
}

// The wanted routes as far as they can be served by the listeners that run.
std::vector<Route> servable_routes(const ProxyConfig& running, const std::vector<Route>& wanted) {
  std::vector<Route> routes;
  for (Route route : wanted) {
    if (!route.listeners.empty()) {
      std::erase_if(route.listeners, [&](const std::string& name) { return running.find_listener(name) == nullptr; });
      if (route.listeners.empty()) continue;  // empty would mean every listener
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

SnapshotPointer snapshot_of(ProxyConfig in_force, const ProxyConfig& wanted, std::uint64_t revision) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->routes = RouteTable(in_force.routes);
  snapshot->revision = revision;
  snapshot->hash = hash_of(wanted);
  snapshot->needs_restart = lines_of(differences(in_force, wanted));
  snapshot->config = std::move(in_force);
  return snapshot;
}

}  // namespace

std::vector<ConfigEntry> describe(const ProxyConfig& config) {
  std::vector<ConfigEntry> entries;
  const auto add = [&](std::string key, std::string shown, std::string secret = {}) {
    entries.push_back({std::move(key), std::move(shown), std::move(secret)});
  };
  add("runtime_dir", config.runtime_dir);
  add("state_dir", config.state_dir);
  add("redis", redis_without_password(config.redis.reveal()), config.redis.reveal());
  add("user", config.user);
  add("redis_group", config.redis_group);
  add("watch", text_of(config.watch));
  add("stop_time", config::format_duration(config.stop_time));
  add("log.level", std::string(to_string(config.log_level)));
  add("access_log.target", config.access_log.target);
  add("access_log.format", std::string(to_string(config.access_log.format)));
  add("admin.listen", config.admin.listen);
  add("admin.hosts", joined(config.admin.hosts));
  visit_limits(config.limits, [&add](std::string_view key, const auto& value, LimitBounds) {
    using Value = std::remove_cvref_t<decltype(value)>;
    std::string shown;
    if constexpr (std::is_same_v<Value, milliseconds>) {
      shown = config::format_duration(value);
    } else if constexpr (std::is_same_v<Value, std::uint32_t>) {
      shown = std::to_string(value);
    } else {
      shown = config::format_size(value);
    }
    add("limits." + std::string(key), std::move(shown));
  });
  add("backplane.prefix", config.backplane.prefix);
  add("backplane.scoped_sends", text_of(config.backplane.scoped_sends));
  std::string keys;
  for (const Secret& key : config.rest.keys) keys += key.reveal() + '\0';
  add("rest.key_files", joined(config.rest.key_files), std::move(keys));
  for (const ListenerConfig& listener : config.listeners) {
    const std::string key = "listener." + listener.name;
    add(key + ".listen", listener.listen);
    add(key + ".proxy_protocol", text_of(listener.proxy_protocol));
    add(key + ".trusted_cidrs", joined(listener.trusted_cidrs));
    if (!listener.tls) continue;
    add(key + ".tls.certificate", listener.tls->certificate);
    add(key + ".tls.key", listener.tls->key);
  }
  for (const PoolConfig& pool : config.pools) {
    const std::string key = "pool." + pool.name;
    if (pool.is_local()) {
      add(key + ".command", joined(pool.command));
      add(key + ".workers", std::to_string(pool.workers));
    } else {
      add(key + ".endpoints", joined(pool.endpoints));
    }
    add(key + ".handover", std::string(to_string(pool.handover)));
    add(key + ".drain_time", config::format_duration(pool.drain_time));
    add(key + ".application", pool.application);
    add(key + ".rebalance", text_of(pool.rebalance));
    add(key + ".balance", std::string(to_string(pool.balance)));
    if (pool.is_local()) continue;
    add(key + ".health.path", pool.health.path);
    add(key + ".health.interval", config::format_duration(pool.health.interval));
    add(key + ".health.timeout", config::format_duration(pool.health.timeout));
    add(key + ".health.fall", std::to_string(pool.health.fall));
    add(key + ".health.rise", std::to_string(pool.health.rise));
  }
  for (const Route& route : config.routes) {
    const std::string shown = route.folder.empty() ? "pool " + route.pool : "folder " + route.folder;
    add(route_key(route), shown + (route.hub ? ", a hub" : ""));
  }
  return entries;
}

SnapshotPointer make_snapshot(ProxyConfig config, std::uint64_t revision) {
  const ProxyConfig wanted = config;
  return snapshot_of(std::move(config), wanted, revision);
}

ReloadPlan plan_reload(const Snapshot& in_force, ProxyConfig wanted, std::span<const std::string> cannot_listen) {
  ProxyConfig next = in_force.config;
  next.listeners = servable_listeners(in_force.config, wanted.listeners, cannot_listen);
  next.watch = wanted.watch;
  next.stop_time = wanted.stop_time;
  next.log_level = wanted.log_level;
  next.access_log = wanted.access_log;
  next.admin.hosts = wanted.admin.hosts;
  next.limits = wanted.limits;
  next.pools = wanted.pools;
  next.routes = servable_routes(next, wanted.routes);

  ReloadPlan plan;
  plan.changes = differences(in_force.config, next);
  plan.needs_restart = lines_of(differences(next, wanted));
  // The order of routes does not count, but an equal configuration must not become a new revision.
  if (plan.changes.empty() && plan.needs_restart == in_force.needs_restart) return plan;
  plan.snapshot = snapshot_of(std::move(next), wanted, in_force.revision + 1);
  return plan;
}

}  // namespace hubgate::proxy
