#pragma once

#include <vector>

#include "proxy/config/check_proxy_config.h"

namespace hubgate::proxy {

/// What a start would find in the files that a configuration names: each TLS listener's pair is loaded, and endpoint
/// ids are compared when state_dir/node_id is there. Writes nothing. With `dev` a self-signed pair that is not made
/// yet is no problem: the gateway makes it.
std::vector<ConfigProblem> check_files(const ProxyConfig& config, bool dev);

/// The self-signed pair of --dev.
TlsFiles dev_files(const ProxyConfig& config);

}  // namespace hubgate::proxy
