#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "hub/protocol/hub_protocol.h"
#include "hub/protocol/serialized_hub_message.h"

/// Payloads of the backplane's channels: MessagePack as ASP.NET Core writes it (byte for byte) and reads it (at least
/// the stated number of elements, any width, extra elements ignored). No I/O. All views are of the bytes read.
/// Source: aspnetcore src/SignalR/server/StackExchangeRedis/src/Internal/RedisProtocol.cs.
/// Readers' error is kInvalid: the payload is dropped, nothing else happens.
namespace hubgate::hub::redis_protocol {

/// A message on the channel of all, a connection, a group or a user.
struct InvocationPayload {
  std::vector<std::string_view> excluded;             // connection ids; honoured for all and groups only
  std::vector<SerializedHubMessage::Entry> messages;  // one a protocol; protocols that nobody knows too
  std::string_view invocation_id = {};                // not empty: the sender waits for the client's result
  std::string_view return_channel = {};               // where it waits, without the channel prefix
};

enum class GroupAction : std::int32_t { kAdd = 1, kRemove = 2 };

/// "Whoever has this connection: change its groups, then ack."
struct GroupCommand {
  std::int32_t id = 0;
  std::string_view server_name = {};  // who asks, and gets the ack
  std::int32_t action = 0;            // a GroupAction; any other does nothing but is acked
  std::string_view group = {};
  std::string_view connection_id = {};
};

/// With an entry for each of `protocols`, in this order. Error kInvalid when one of them cannot write the message.
Result<std::string> write_invocation(const SerializedHubMessage& message, std::span<const HubProtocol* const> protocols,
                                     std::span<const std::string> excluded);
Result<InvocationPayload> read_invocation(Bytes payload);

std::string write_group_command(const GroupCommand& command);
Result<GroupCommand> read_group_command(Bytes payload);

std::string write_ack(std::int32_t id);
Result<std::int32_t> read_ack(Bytes payload);

}  // namespace hubgate::hub::redis_protocol
