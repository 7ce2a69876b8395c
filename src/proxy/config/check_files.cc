#include "proxy/config/check_files.h"

#include <filesystem>

#include "common/net/tls_context.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {

TlsFiles dev_files(const ProxyConfig& config) { return {config.state_dir + "/dev.crt", config.state_dir + "/dev.key"}; }

std::vector<ConfigProblem> check_files(const ProxyConfig& config, bool dev) {
  std::vector<ConfigProblem> problems = check_endpoint_ids(config, AffinityKeys::read_node_id(config.state_dir));
  for (const ListenerConfig& listener : config.listeners) {
    if (!listener.tls) continue;
    std::error_code ignored;
    if (dev && *listener.tls == dev_files(config) && !std::filesystem::exists(listener.tls->certificate, ignored))
      continue;
    const auto context = net::TlsContext::make_server(listener.tls->certificate, listener.tls->key);
    if (!context) problems.push_back({"listener." + listener.name + ".tls", context.error().what});
  }
  return problems;
}

}  // namespace hubgate::proxy
