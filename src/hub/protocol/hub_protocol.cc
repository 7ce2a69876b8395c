#include "hub/protocol/hub_protocol.h"

#include "hub/protocol/json_hub_protocol.h"
#include "hub/protocol/messagepack_hub_protocol.h"

namespace hubgate::hub {

std::string message_too_large(std::size_t max_message) {
  return "InvalidDataException: The maximum message size of " + std::to_string(max_message) +
         "B was exceeded. The message size can be configured in AddHubOptions.";
}

const HubProtocol* find_standard_protocol(std::string_view name) {
  static const JsonHubProtocol json;
  static const MessagePackHubProtocol message_pack;
  if (name == json.name()) return &json;
  if (name == message_pack.name()) return &message_pack;
  return nullptr;
}

}  // namespace hubgate::hub
