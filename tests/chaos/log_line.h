#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hubgate::chaos {

/// One line of the gateway's log: `[tag] 2026-11-25T17:27:07.069Z info "event" name=value name="a value"`.
/// Views into the line.
struct LogLine {
  std::string_view tag;  // of a worker's line, "main/0 4711"; empty for the gateway's own
  std::chrono::system_clock::time_point time;
  std::string_view event;
  std::string_view fields;

  /// Nothing for a line of another shape, such as Redis' own.
  static std::optional<LogLine> parse(std::string_view line);
  /// A field's value without quotes; empty when there is none.
  std::string_view field(std::string_view name) const;
  long long number(std::string_view name) const;
};

}  // namespace hubgate::chaos
