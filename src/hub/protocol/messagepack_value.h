#pragma once

#include <string_view>

#include <hubgate/value.h>

#include "common/base/message_pack.h"
#include "hub/protocol/hub_protocol.h"

/// Value ⇄ MessagePack, as ASP.NET Core's default resolvers have it.
namespace hubgate::hub {

/// Reads the next value. False: malformed, cut short, deeper than message_pack::kMaxDepth, or an extension that is no
/// timestamp. Invalid UTF-8 in strings becomes U+FFFD.
bool read_messagepack_value(message_pack::Reader& reader, Value& value);

/// Appends. False, with Unwritable::kFail only: deeper than message_pack::kMaxDepth.
bool write_messagepack_value(const Value& value, Unwritable unwritable, message_pack::Packer& packer);

}  // namespace hubgate::hub
