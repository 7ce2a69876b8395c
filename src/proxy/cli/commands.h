#pragma once

#include <iosfwd>
#include <string>
#include <vector>

// The verbs of `hubgate`, one function each; main.cc maps options to them. Each returns the process's exit code.

namespace hubgate::proxy {

/// Exit codes (architecture, "Command line").
enum ExitCode : int {
  kExitOk = 0,
  kExitRefused = 1,         // the gateway said no
  kExitUsage = 64,          // EX_USAGE
  kExitUnavailable = 69,    // EX_UNAVAILABLE: cannot bind, directory in use, no gateway
  kExitConfiguration = 78,  // EX_CONFIG; a refused reload too
};

/// Options of `run`, `proxy` and `check`.
struct GatewayOptions {
  std::string file;
  std::vector<std::string> overrides;  // --set KEY=VALUE, in order
  bool dev = false;                    // --dev
};

/// `hubgate run FILE`: the supervisor. Returns when everything has ended. In run.cc.
int run_command(const GatewayOptions& options);
/// `hubgate proxy FILE`: the proxy under its supervisor, whose links HUBGATE_LINKS names. In proxy_command.cc.
int proxy_command(const GatewayOptions& options);
/// `hubgate check FILE`: says what is wrong with a configuration, changes nothing.
int check_command(const GatewayOptions& options, std::ostream& out, std::ostream& err);

/// Options of the verbs that speak to a running gateway. They never read its configuration.
struct OperatorOptions {
  std::string socket;        // --socket PATH; empty: see find_admin_socket()
  bool json = false;         // `status --json`
  bool redis = false;        // `status --redis`: only the address of Redis
  std::string subject = {};  // the pool, the endpoint, or the file that the verb is about
  bool wait = true;          // `restart`: until it is done
  bool once = false;         // `top --once`: one table
};
int reload_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
/// Waits for the end of the rolling restart and prints its progress, if `wait`.
int restart_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
int rebalance_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
int drain_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
int undrain_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
int diff_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
int status_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
/// Shows a table with rates each second, until the gateway ends. In top_command.cc.
int top_command(const OperatorOptions& options, std::ostream& out, std::ostream& err);
int version_command(std::ostream& out);

}  // namespace hubgate::proxy
