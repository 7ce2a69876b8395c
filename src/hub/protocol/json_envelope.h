#pragma once

#include <string>
#include <string_view>

#include "hub/protocol/hub_message.h"
#include "hub/protocol/hub_protocol.h"

namespace hubgate::hub {

/// One record of the JSON protocol, without its separator, into a message: kMessage, kIgnored or kViolation, whose
/// detail is `violation` then. One pass, no document tree; what stands behind the object is ignored. Violations are
/// those of SignalR's server, found in the order of the text.
ParseStatus parse_json_envelope(std::string_view record, HubMessage& message, std::string& violation);

}  // namespace hubgate::hub
