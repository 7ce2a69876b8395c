#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/cli/commands.h"

namespace hubgate::proxy {

/// What the user has asked for.
struct CommandLine {
  enum class Verb : std::uint8_t {
    kRun,
    kProxy,
    kCheck,
    kReload,
    kRestart,
    kRebalance,
    kDrain,
    kUndrain,
    kDiff,
    kStatus,
    kTop,
    kVersion
  };

  Verb verb = Verb::kVersion;
  GatewayOptions gateway;     // of run, proxy, check
  OperatorOptions operation;  // of the verbs that speak to a running gateway, top
  std::optional<int> exit;    // set: nothing is to be done but to print `text` and exit with it
  std::string text;           // help for stdout when `exit` is 0, else the error for stderr
};

/// Never exits, never throws.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace hubgate::proxy
