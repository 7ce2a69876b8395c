#include <iostream>
#include <string>

#include "common/base/log.h"
#include "common/control/links.h"
#include "common/event/loop.h"
#include "proxy/cli/commands.h"
#include "proxy/proxy.h"

namespace hubgate::proxy {

int proxy_command(const GatewayOptions& options) {
  auto links = control::take_links_from_environment();
  if (!links) {
    std::cerr << "hubgate: error: " << links.error().what << "\n";
    return kExitUsage;
  }
  const auto keeper = links->find("keeper");
  if (keeper == links->end()) {
    std::cerr << "hubgate: error: `proxy` is started by `hubgate run`, not by hand\n";
    return kExitUsage;
  }
  const Log::Sink sink = descriptor_sink();
  Log log(sink);
  event::Loop loop;
  // Lines of workers and Redis are theirs already; they only get a tag in front.
  const OutputSink output = [sink](std::string_view tag, std::string_view line) {
    sink(LogLevel::kInfo, "[" + std::string(tag) + "] " + std::string(line));
  };
  Proxy proxy(loop, log, output, ConfigSource{options.file, "", options.overrides, options.dev},
              std::move(keeper->second));
  return proxy.run();
}

}  // namespace hubgate::proxy
