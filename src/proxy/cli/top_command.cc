#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "proxy/cli/admin_client.h"
#include "proxy/cli/commands.h"
#include "proxy/cli/top_page.h"

namespace hubgate::proxy {
namespace {

constexpr std::chrono::seconds kInterval{1};
constexpr char kClearScreen[] = "\x1b[H\x1b[J";

}  // namespace

// Until Ctrl-C, or the gateway's end.
int top_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  using Clock = std::chrono::steady_clock;
  const std::string socket = find_admin_socket(options.socket);
  const bool redraws = !options.once && ::isatty(STDOUT_FILENO) == 1;
  nlohmann::json before;
  Clock::time_point taken;
  while (true) {
    const auto answer = ask_gateway(socket, "GET", "/status?format=json");
    if (!answer || answer->status != 200) {
      err << "hubgate: error: " << (answer ? "the gateway refused: " + answer->body : answer.error().what) << "\n";
      return answer ? kExitRefused : kExitUnavailable;
    }
    const Clock::time_point now = Clock::now();
    nlohmann::json status = nlohmann::json::parse(answer->body, nullptr, false);
    if (!before.is_null()) {
      const double seconds = std::chrono::duration<double>(now - taken).count();
      out << (redraws ? kClearScreen : "") << top_page(before, status, seconds) << (redraws || options.once ? "" : "\n")
          << std::flush;
      if (options.once) return kExitOk;
    }
    before = std::move(status);
    taken = now;
    std::this_thread::sleep_for(kInterval);
  }
}

}  // namespace hubgate::proxy
