#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <hubgate/hub_server.h>

namespace hubgate::worker {

/// What the command line says; the defaults are the library's.
struct Flags {
  HubServerOptions server;
  HubOptions hub;
  bool user_from_query = false;
  bool help = false;
  bool version = false;
};

/// The command line cannot be understood; the text says why.
class UsageError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Reads "--name value", "--name=value" and "--switch". Throws UsageError.
Flags parse_flags(std::span<const char* const> arguments);

/// All flags, a line each.
std::string flags_help();

}  // namespace hubgate::worker
