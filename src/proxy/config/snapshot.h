#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/config/proxy_config.h"
#include "proxy/routing/route_table.h"

namespace hubgate::proxy {

/// What is in force: immutable, swapped whole between two turns. An exchange pins it only until its endpoint is
/// chosen and the head is written.
struct Snapshot {
  ProxyConfig config;                      // in force; where a restart is needed, still the old value
  RouteTable routes;                       // of config.routes
  std::uint64_t revision = 1;              // counts up, also over a restart of the proxy
  std::string hash;                        // of the configuration as written, secrets left out: 16 hex digits
  std::vector<std::string> needs_restart;  // what is written but not in force, one line each
};
using SnapshotPointer = std::shared_ptr<const Snapshot>;

/// The first snapshot of a run: all is in force.
SnapshotPointer make_snapshot(ProxyConfig config, std::uint64_t revision = 1);

/// One difference between two configurations.
struct ConfigChange {
  std::string key;   // as ConfigEntry::key
  std::string line;  // for people: "limits.queue_wait: 5s -> 1s"
};

/// What a reload would do.
struct ReloadPlan {
  SnapshotPointer snapshot;                // null: nothing has changed
  std::vector<ConfigChange> changes;       // in force with the snapshot
  std::vector<std::string> needs_restart;  // written, but in force only after a restart of the gateway
};

/// Compares what is in force with what is wanted. Listeners, routes and static folders, pools, limits, log level,
/// admin.hosts, watch and stop_time take effect; directories, redis and the rest need a restart, and so do listeners
/// named in `cannot_listen`: this process may not bind them. A route on a listener that does not run yet waits for the
/// restart too.
ReloadPlan plan_reload(const Snapshot& in_force, ProxyConfig wanted, std::span<const std::string> cannot_listen = {});

/// One key of a configuration with its value as text.
struct ConfigEntry {
  std::string key;     // as in the file: "limits.queue_wait"; routes: "route /chat"
  std::string shown;   // without secrets
  std::string secret;  // what is not shown; for comparing only
  friend bool operator==(const ConfigEntry&, const ConfigEntry&) = default;
};

/// Every key, in the file's order.
std::vector<ConfigEntry> describe(const ProxyConfig& config);

}  // namespace hubgate::proxy
