#include "proxy/config/check_files.h"

#include <unistd.h>

#include <filesystem>

#include "common/net/tls_context.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {

TlsFiles dev_files(const ProxyConfig& config) { return {config.state_dir + "/dev.crt", config.state_dir + "/dev.key"}; }

std::vector<ConfigProblem> check_files(const ProxyConfig& config, bool dev) {
  std::vector<ConfigProblem> problems = check_endpoint_ids(config, AffinityKeys::read_node_id(config.state_dir));
  for (const ListenerConfig& listener : config.listeners) {
    // A missing name is an error already.
    if (!listener.tls || listener.tls->certificate.empty() || listener.tls->key.empty()) continue;
    std::error_code ignored;
    if (dev && *listener.tls == dev_files(config) && !std::filesystem::exists(listener.tls->certificate, ignored))
      continue;
    const auto context = net::TlsContext::make_server(listener.tls->certificate, listener.tls->key);
    if (!context) problems.push_back({"listener." + listener.name + ".tls", context.error().what});
  }
  // Only what can be said without making the file.
  const std::string& log = config.access_log.target;
  if (log.starts_with('/')) {
    const std::filesystem::path folder = std::filesystem::path(log).parent_path();
    const bool exists = ::access(log.c_str(), F_OK) == 0;
    if (exists ? ::access(log.c_str(), W_OK) != 0 : ::access(folder.c_str(), W_OK | X_OK) != 0) {
      problems.push_back({"access_log.target", log + " cannot be written (the gateway's user must be able to, and its "
                                                     "folder must exist)"});
    }
  }
  return problems;
}

}  // namespace hubgate::proxy
