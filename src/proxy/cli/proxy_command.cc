#include <unistd.h>

#include <iostream>
#include <string>

#include "common/base/log.h"
#include "common/control/links.h"
#include "common/event/line_writer.h"
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
  event::Loop loop;
  // Whoever reads standard error may stall: that must cost lines, not clients.
  event::LineWriter lines(loop, loop);
  lines.set_shared_target(STDERR_FILENO);
  const Log::Sink sink = [&lines](LogLevel, std::string_view line) { lines.write(line); };
  Log log(sink);
  // Lines of workers and Redis are theirs already; they only get a tag in front.
  const OutputSink output = [sink](std::string_view tag, std::string_view line) {
    sink(LogLevel::kInfo, "[" + std::string(tag) + "] " + std::string(line));
  };
  Proxy proxy(loop, log, lines, output, ConfigSource{options.file, "", options.overrides, options.dev},
              std::move(keeper->second));
  return proxy.run();
}

}  // namespace hubgate::proxy
