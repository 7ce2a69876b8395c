#include <poll.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "proxy/cli/admin_client.h"
#include "proxy/cli/commands.h"

// The verbs that change which processes and endpoints serve, and the one that only says what a reload would change.

namespace hubgate::proxy {
namespace {

constexpr int kLookInterval = 500;  // milliseconds
constexpr int kMostFailures = 20;   // looks in a row without an answer: the proxy itself may be replaced meanwhile

std::string query_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/";
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != kPlain.npos) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

// Prints what the gateway answered to a verb; its exit code.
int tell(const Result<AdminAnswer>& answer, int refused, std::ostream& out, std::ostream& err) {
  if (!answer) {
    err << "hubgate: error: " << answer.error().what << "\n";
    return kExitUnavailable;
  }
  if (answer->status == 200) {
    out << answer->body << std::flush;
    return kExitOk;
  }
  err << answer->body;
  return answer->status == 422 ? refused : kExitRefused;
}

// What `hubgate status` says of the pool's last restart; null when the pool is gone.
nlohmann::json restart_of(const std::string& status, const std::string& pool) {
  const auto json = nlohmann::json::parse(status, nullptr, false);
  if (!json.is_object() || !json.contains("pools")) return nullptr;
  for (const auto& one : json["pools"]) {
    if (one.value("name", "") == pool && one.contains("restart")) return one["restart"];
  }
  return nullptr;
}

std::string progress(const nlohmann::json& restart) {
  std::string line = std::to_string(restart.value("done", 0)) + " of " + std::to_string(restart.value("slots", 0)) +
                     " workers replaced";
  const std::string slot = restart.value("slot", "");
  if (slot.empty()) return line;
  line += "; " + slot;
  if (!restart.value("draining", false)) return line + ": the new one starts";
  return line + ": the old one drains, " + std::to_string(restart.value("left", 0)) + " connections left";
}

int follow_restart(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  const std::string socket = find_admin_socket(options.socket);
  std::uint64_t number = 0;
  std::string last;
  for (int failures = 0; failures < kMostFailures; ::poll(nullptr, 0, kLookInterval)) {
    const auto answer = ask_gateway(socket, "GET", "/status?format=json");
    if (!answer || answer->status != 200) {
      ++failures;
      continue;
    }
    failures = 0;
    const nlohmann::json restart = restart_of(answer->body, options.subject);
    if (restart.is_null() || restart.value("number", std::uint64_t{0}) < number) {
      err << "hubgate: error: the restart is not known any more: the pool was removed, or the proxy was replaced\n";
      return kExitRefused;
    }
    number = restart.value("number", std::uint64_t{0});
    const std::string line = progress(restart);
    if (line != last) out << line << std::endl;
    last = line;
    const std::string state = restart.value("state", "");
    if (state == "done") return kExitOk;
    if (state == "failing") {
      err << "hubgate: error: the new worker of " << restart.value("slot", "")
          << " keeps ending; the old ones serve, and it is tried on (see the log)\n";
      return kExitRefused;
    }
  }
  err << "hubgate: error: the gateway answers no more\n";
  return kExitUnavailable;
}

}  // namespace

int restart_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  const auto answer =
      ask_gateway(find_admin_socket(options.socket), "POST", "/restart?pool=" + query_escaped(options.subject));
  const int exit = tell(answer, kExitRefused, out, err);
  return exit != kExitOk || !options.wait ? exit : follow_restart(options, out, err);
}

int rebalance_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  const auto answer =
      ask_gateway(find_admin_socket(options.socket), "POST", "/rebalance?pool=" + query_escaped(options.subject));
  return tell(answer, kExitRefused, out, err);
}

int drain_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  const auto answer =
      ask_gateway(find_admin_socket(options.socket), "POST", "/drain?endpoint=" + query_escaped(options.subject));
  return tell(answer, kExitRefused, out, err);
}

int undrain_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  const auto answer =
      ask_gateway(find_admin_socket(options.socket), "POST", "/undrain?endpoint=" + query_escaped(options.subject));
  return tell(answer, kExitRefused, out, err);
}

int diff_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  // The gateway has another working directory.
  const std::string file = std::filesystem::absolute(options.subject).string();
  const auto answer = ask_gateway(find_admin_socket(options.socket), "POST", "/diff?file=" + query_escaped(file));
  if (answer && answer->status == 200 && answer->body.empty()) {
    out << "nothing would change\n";
    return kExitOk;
  }
  return tell(answer, kExitConfiguration, out, err);
}

}  // namespace hubgate::proxy
