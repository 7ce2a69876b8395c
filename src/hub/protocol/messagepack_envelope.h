#pragma once

#include <string>

#include "common/base/bytes.h"
#include "hub/protocol/hub_message.h"
#include "hub/protocol/hub_protocol.h"

namespace hubgate::hub {

/// One frame of the MessagePack protocol, without its length prefix, into a message: kMessage, kIgnored or kViolation,
/// whose detail is `violation` then. Further elements and bytes behind the array are ignored.
ParseStatus parse_messagepack_envelope(Bytes frame, HubMessage& message, std::string& violation);

}  // namespace hubgate::hub
