#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/proxy_config.h"

namespace hubgate::proxy {

/// Where a key stands: "FILE:LINE:COL". Keys are dotted: "pool.main.workers", "route.2.prefix" (from 0). For a key
/// that is not written, the place of its table.
using PlaceOf = std::function<std::string(std::string_view key)>;

/// What no single key can tell: routes name pools and listeners that exist, no two prefixes are the same, paths fit,
/// managed parts agree. One line for each error, "PLACE: error: what (remedy)"; empty: all is well.
std::vector<std::string> check_proxy_config(const ProxyConfig& config, const PlaceOf& place_of);

/// Two endpoints with the same id (SHA-256 cut to 32 bits) cannot be told apart by tags. `node_id` as in
/// AffinityKeys. Empty: none collide; else one line each, without a place.
std::vector<std::string> check_endpoint_ids(const ProxyConfig& config, std::string_view node_id);

}  // namespace hubgate::proxy
