#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <hubgate/result.h>

#include "proxy/config/check_proxy_config.h"
#include "proxy/config/proxy_config.h"

namespace hubgate::proxy {

/// A configuration before it is understood.
struct ConfigSource {
  std::string file;                    // as named on the command line; relative paths start at its folder
  std::string text;                    // what is in it
  std::vector<std::string> overrides;  // --set KEY=VALUE, later ones win
  bool dev = false;                    // --dev: `tls = {}` means the self-signed pair state_dir/dev.{crt,key}
};

/// A configuration that passed every check, or all that is wrong with it: each error is a line
/// "FILE:LINE:COL: error: what (remedy)". One syntax error, or all semantic ones.
struct LoadedConfig {
  std::optional<ProxyConfig> config;
  std::vector<std::string> errors;
  std::vector<std::string> known_keys;  // every key that was looked for in this text, dotted
};

/// Reads a configuration file whole. Errors: kNotFound, kTooLarge (above 1 MiB), kSystem; `what` is ready to print:
/// "FILE: error: what (remedy)".
Result<std::string> read_config_file(const std::string& file);

/// Parses and checks. Reads the files and environment variables of secrets and looks whether folders exist; binds and
/// writes nothing. `check_more`, such as check_files, is asked about a faulty configuration too; what it finds gets its
/// place among the other errors.
LoadedConfig load_proxy_config(
    const ConfigSource& source,
    const std::function<std::vector<ConfigProblem>(const ProxyConfig&)>& check_more = nullptr);

/// The values of a text that passed every check when it was adopted. What the checks look at (a folder, a user) may be
/// gone by now and is not asked about; secrets are read again, and one that cannot be is an error.
LoadedConfig load_adopted_config(const ConfigSource& source);

}  // namespace hubgate::proxy
