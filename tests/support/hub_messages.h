#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/protocol/hub_protocol.h"

namespace hubgate::test {

/// The messages in bytes that a server wrote, as target and raw arguments: `Receive("hi",42)`. Raw as text in JSON,
/// in hexadecimal in MessagePack. Bytes that are no message end it with "?".
inline std::vector<std::string> messages_of(const hub::HubProtocol& protocol, std::string_view bytes) {
  std::vector<std::string> messages;
  hub::ParseState state{.max_message = 0};
  hub::HubMessage message;
  while (!bytes.empty()) {
    const hub::ParseResult result = protocol.parse(as_bytes(bytes), state, message);
    if (result.status != hub::ParseStatus::kMessage) {
      messages.push_back("?");
      break;
    }
    std::string text = message.target + "(";
    for (const std::string_view raw : message.arguments) {
      if (text.back() != '(') text += ",";
      if (protocol.transfer_format() == hub::TransferFormat::kText) {
        text += raw;
        continue;
      }
      for (const char c : raw) {
        text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
      }
    }
    messages.push_back(text + ")");
    bytes.remove_prefix(result.taken);
  }
  return messages;
}

}  // namespace hubgate::test
