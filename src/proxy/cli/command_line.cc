#include "proxy/cli/command_line.h"

#include <CLI/CLI.hpp>  // this file only: it takes seconds to compile
#include <sstream>

namespace hubgate::proxy {
namespace {

void add_gateway_options(CLI::App& verb, GatewayOptions& options) {
  verb.add_option("FILE", options.file, "The configuration, such as hubgate.toml")->required();
  verb.add_option("--set", options.overrides, "Put KEY=VALUE over what the file says; may be given again")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  verb.add_flag("--dev", options.dev, "Make and use a self-signed certificate for listeners with tls = {}");
}

void add_operator_options(CLI::App& verb, OperatorOptions& options) {
  verb.add_option("--socket", options.socket,
                  "The gateway's admin.sock; default: $HUBGATE_RUNTIME_DIR/admin.sock, else /run/hubgate/admin.sock")
      ->type_name("PATH");
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  using Verb = CommandLine::Verb;
  CommandLine line;
  CLI::App app("hubgate: a gateway that runs SignalR hubs in worker processes", "hubgate");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 refused, 64 usage, 69 cannot bind or no gateway, 78 configuration.");

  CLI::App* run = app.add_subcommand("run", "Start a gateway; ends with SIGTERM or Ctrl-C");
  add_gateway_options(*run, line.gateway);
  CLI::App* proxy = app.add_subcommand("proxy", "The proxy process; started by `run`")->group("");
  add_gateway_options(*proxy, line.gateway);
  CLI::App* check = app.add_subcommand("check", "Say what is wrong with a configuration");
  add_gateway_options(*check, line.gateway);
  CLI::App* reload = app.add_subcommand("reload", "Let the running gateway read its configuration again");
  add_operator_options(*reload, line.operation);
  CLI::App* restart = app.add_subcommand("restart", "Replace the workers of a pool, one after the other");
  restart->add_option("POOL", line.operation.subject, "The pool, as in the configuration")->required();
  restart->add_flag("!--no-wait", line.operation.wait, "Do not wait until it is done");
  add_operator_options(*restart, line.operation);
  CLI::App* rebalance = app.add_subcommand("rebalance", "Let workers with more than their share send clients away");
  rebalance->add_option("POOL", line.operation.subject, "The pool, as in the configuration")->required();
  add_operator_options(*rebalance, line.operation);
  CLI::App* drain = app.add_subcommand("drain", "Take an endpoint out of service; its clients go elsewhere, it stays");
  drain->add_option("ENDPOINT", line.operation.subject, "As `status` shows it: main/0, or an address")->required();
  add_operator_options(*drain, line.operation);
  CLI::App* undrain = app.add_subcommand("undrain", "Put an endpoint back into service");
  undrain->add_option("ENDPOINT", line.operation.subject, "As `status` shows it: main/0, or an address")->required();
  add_operator_options(*undrain, line.operation);
  CLI::App* diff = app.add_subcommand("diff", "Say what a configuration would change in the running gateway");
  diff->add_option("FILE", line.operation.subject, "The configuration")->required();
  add_operator_options(*diff, line.operation);
  CLI::App* status = app.add_subcommand("status", "Show what the running gateway is doing");
  add_operator_options(*status, line.operation);
  CLI::Option* json = status->add_flag("--json", line.operation.json, "As one JSON object");
  status->add_flag("--redis", line.operation.redis, "Only the address of Redis")->excludes(json);
  CLI::App* top = app.add_subcommand("top", "Show it live, with rates, until Ctrl-C");
  add_operator_options(*top, line.operation);
  top->add_flag("--once", line.operation.once, "One table, after a second");
  CLI::App* version = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // help is one too
    std::ostringstream out;
    std::ostringstream err;
    line.exit = app.exit(error, out, err) == 0 ? kExitOk : kExitUsage;
    line.text = *line.exit == kExitOk ? out.str() : err.str();
    return line;
  }
  line.verb = run->parsed()         ? Verb::kRun
              : proxy->parsed()     ? Verb::kProxy
              : check->parsed()     ? Verb::kCheck
              : reload->parsed()    ? Verb::kReload
              : restart->parsed()   ? Verb::kRestart
              : rebalance->parsed() ? Verb::kRebalance
              : drain->parsed()     ? Verb::kDrain
              : undrain->parsed()   ? Verb::kUndrain
              : diff->parsed()      ? Verb::kDiff
              : status->parsed()    ? Verb::kStatus
              : top->parsed()       ? Verb::kTop
                                    : Verb::kVersion;
  static_cast<void>(version);
  return line;
}

}  // namespace hubgate::proxy
