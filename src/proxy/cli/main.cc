#include <exception>
#include <iostream>

#include "proxy/cli/command_line.h"

// `hubgate`: the supervisor, the proxy and the operator's tool in one program.

int main(int argc, char** argv) {
  using namespace hubgate::proxy;
  try {
    const CommandLine line = parse_command_line(argc, argv);
    if (line.exit) {
      (*line.exit == kExitOk ? std::cout : std::cerr) << line.text;
      return *line.exit;
    }
    switch (line.verb) {
      case CommandLine::Verb::kRun: return run_command(line.gateway);
      case CommandLine::Verb::kProxy: return proxy_command(line.gateway);
      case CommandLine::Verb::kCheck: return check_command(line.gateway, std::cout, std::cerr);
      case CommandLine::Verb::kReload: return reload_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kRestart: return restart_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kRebalance: return rebalance_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kDrain: return drain_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kUndrain: return undrain_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kDiff: return diff_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kStatus: return status_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kTop: return top_command(line.operation, std::cout, std::cerr);
      case CommandLine::Verb::kVersion: break;
    }
    return version_command(std::cout);
  } catch (const std::exception& error) {
    std::cerr << "hubgate: error: " << error.what() << "\n";
    return kExitRefused;
  }
}
