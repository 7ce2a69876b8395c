#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/load_proxy_config.h"
#include "tests/support/catch.h"

namespace hubgate::test {

/// Loads a text as the file "x.toml" of the working directory.
inline proxy::LoadedConfig load_text(std::string_view text, std::vector<std::string> overrides = {}, bool dev = false) {
  return proxy::load_proxy_config({"x.toml", std::string(text), std::move(overrides), dev});
}

/// Loads a text that must be right.
inline proxy::ProxyConfig load_good(std::string_view text, std::vector<std::string> overrides = {}) {
  proxy::LoadedConfig loaded = load_text(text, std::move(overrides));
  for (const std::string& error : loaded.errors) UNSCOPED_INFO(error);
  REQUIRE(loaded.config.has_value());
  return *std::move(loaded.config);
}

inline constexpr std::string_view kListener = "[listener.public]\nlisten = \"127.0.0.1:0\"\n";
inline constexpr std::string_view kPool = "[pool.main]\ncommand = [\"hubgate-worker\"]\n";

}  // namespace hubgate::test
