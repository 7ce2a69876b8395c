#include <ostream>

#include "proxy/cli/commands.h"
#include "proxy/config/check_files.h"
#include "proxy/config/load_proxy_config.h"

namespace hubgate::proxy {

int check_command(const GatewayOptions& options, std::ostream& out, std::ostream& err) {
  auto text = read_config_file(options.file);
  if (!text) {
    err << text.error().what << "\n";
    return kExitConfiguration;
  }
  const LoadedConfig loaded =
      load_proxy_config({options.file, *std::move(text), options.overrides, options.dev},
                        [&options](const ProxyConfig& config) { return check_files(config, options.dev); });
  for (const std::string& error : loaded.errors) err << error << "\n";
  if (!loaded.config) return kExitConfiguration;
  out << options.file << ": good\n";
  return kExitOk;
}

}  // namespace hubgate::proxy
