#include <nlohmann/json.hpp>
#include <ostream>

#include "proxy/cli/admin_client.h"
#include "proxy/cli/commands.h"
#include "proxy/config/version.h"

// The verbs that speak to a running gateway.

namespace hubgate::proxy {
namespace {

int report(const Error& error, std::ostream& err) {
  err << "hubgate: error: " << error.what << "\n";
  return kExitUnavailable;
}

int report_refusal(const AdminAnswer& answer, std::ostream& err) {
  err << "hubgate: error: the gateway refused (" << answer.status << "): " << answer.body;
  return kExitRefused;
}

}  // namespace

int reload_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  const auto answer = ask_gateway(find_admin_socket(options.socket), "POST", "/reload");
  if (!answer) return report(answer.error(), err);
  if (answer->status == 422) {
    err << answer->body;
    return kExitConfiguration;
  }
  if (answer->status != 200) return report_refusal(*answer, err);
  out << (answer->body.empty() ? "nothing has changed\n" : answer->body);
  return kExitOk;
}

int status_command(const OperatorOptions& options, std::ostream& out, std::ostream& err) {
  const bool wants_json = options.json || options.redis;
  const auto answer =
      ask_gateway(find_admin_socket(options.socket), "GET", wants_json ? "/status?format=json" : "/status");
  if (!answer) return report(answer.error(), err);
  if (answer->status != 200) return report_refusal(*answer, err);
  if (!options.redis) {
    out << answer->body;
    return kExitOk;
  }
  const auto status = nlohmann::json::parse(answer->body, nullptr, false);
  out << (status.is_object() ? status.value("redis", "") : std::string()) << "\n";
  return kExitOk;
}

int version_command(std::ostream& out) {
  out << "hubgate " << kProductVersion << "\n";
  return kExitOk;
}

}  // namespace hubgate::proxy
