#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/proxy_config.h"

namespace hubgate::proxy {

/// Something wrong with a configuration: `what` names it and the remedy, `key` is where it is written, dotted:
/// "pool.main.workers", "route.2.prefix" (from 0).
struct ConfigProblem {
  std::string key;
  std::string what;
};

/// What no single key can tell: routes name pools and listeners that exist, no two prefixes are the same, paths fit,
/// users exist, managed parts agree. Touches no file but to see whether folders are there. Empty: all is well.
std::vector<ConfigProblem> check_proxy_config(const ProxyConfig& config);

/// Two endpoints with the same id (SHA-256 cut to 32 bits) cannot be told apart by tags. `node_id` as in
/// AffinityKeys. Empty: none collide.
std::vector<ConfigProblem> check_endpoint_ids(const ProxyConfig& config, std::string_view node_id);

/// Bytes of a Unix socket's path that the kernel takes.
inline constexpr std::size_t kMaxSocketPath = 107;

}  // namespace hubgate::proxy
