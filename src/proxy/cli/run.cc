#include <sys/resource.h>

#include <unistd.h>
#include <climits>

#include "common/base/log.h"
#include "common/event/loop.h"
#include "proxy/cli/commands.h"
#include "proxy/supervisor/supervisor.h"

namespace hubgate::proxy {
namespace {

// This program as it was started, which stays right when the file is replaced by a new version.
std::string own_path() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string("hubgate");
}

// Every process of the gateway inherits it: connections are descriptors.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int run_command(const GatewayOptions& options) {
  raise_descriptor_limit();
  supervisor::Supervisor::Settings settings;
  settings.proxy_command = {own_path(), "proxy", options.file};
  for (const std::string& assignment : options.overrides) {
    settings.proxy_command.insert(settings.proxy_command.end(), {"--set", assignment});
  }
  if (options.dev) settings.proxy_command.emplace_back("--dev");
  settings.notifier = supervisor::ServiceNotifier::from_environment();
  Log log(descriptor_sink());
  event::Loop loop;
  return supervisor::Supervisor(loop, log, std::move(settings)).run();
}

}  // namespace hubgate::proxy
