#pragma once

#include "hub/protocol/hub_protocol.h"
#include "tests/fuzz/input.h"

namespace hubgate::fuzz {

/// Parses a client's stream; every value that can be read is written and read again.
inline std::string hub_story(const hub::HubProtocol& protocol, std::string_view text, std::size_t step) {
  hub::ParseState state{.max_message = 4096};
  std::string story;
  std::string pending;
  for (std::size_t at = 0; at < text.size(); at += step) {
    pending += text.substr(at, step);
    for (;;) {
      const std::vector<std::byte> shown = exact(pending);
      hub::HubMessage message;
      const hub::ParseResult result = protocol.parse(shown, state, message);
      if (result.status == hub::ParseStatus::kNeedMore) break;
      story += std::to_string(static_cast<int>(result.status)) + result.violation + "\n";
      if (result.status == hub::ParseStatus::kViolation) return story;
      if (result.status == hub::ParseStatus::kMessage) {
        story += std::string(message.target) + "\n";
        for (const std::string_view raw : message.arguments) {
          Value value;
          if (!protocol.read_value(raw, value)) continue;
          const Result<std::string> written = protocol.write_value(value, hub::Unwritable::kNull);
          Value again;
          if (written && !protocol.read_value(*written, again)) std::abort();
        }
      }
      pending.erase(0, result.taken);
    }
  }
  return story;
}

}  // namespace hubgate::fuzz
