#include "hub/lifetime/redis_protocol.h"

#include "common/base/message_pack.h"

namespace hubgate::hub::redis_protocol {
namespace {

Error malformed(const char* what) { return make_error(ErrorCode::kInvalid, what, Side::kUpstream); }

/// ASP.NET Core's strings may be nil; for us that is an empty one.
std::optional<std::string_view> read_text(message_pack::Reader& reader) {
  if (reader.read_nil()) return std::string_view{};
  return reader.read_string();
}

}  // namespace

Result<std::string> write_invocation(const SerializedHubMessage& message, std::span<const HubProtocol* const> protocols,
                                     std::span<const std::string> excluded) {
  std::string payload;
  message_pack::Packer packer(payload);
  packer.write_array(2);
  packer.write_array(excluded.size());
  for (const std::string& id : excluded) packer.write_string(id);
  packer.write_map(protocols.size());
  for (const HubProtocol* protocol : protocols) {
    const EncodedMessage* encoded = message.for_protocol(*protocol);
    if (encoded == nullptr) {
      return make_error(ErrorCode::kInvalid,
                        "the message cannot be written in the protocol " + std::string(protocol->name()));
    }
    packer.write_string(protocol->name());
    packer.write_binary(encoded->bytes.bytes());
  }
  return payload;
}

Result<InvocationPayload> read_invocation(Bytes payload) {
  message_pack::Reader reader(payload);
  InvocationPayload invocation;
  const auto elements = reader.read_array();
  if (!elements) return malformed("an invocation is no array");
  if (*elements < 2) return malformed("Insufficient items in Invocation array.");

  const auto excluded = reader.read_array();
  if (!excluded) return malformed("the excluded ids of an invocation are no array");
  invocation.excluded.reserve(*excluded);
  for (std::size_t i = 0; i < *excluded; ++i) {
    const auto id = reader.read_string();
    if (!id) return malformed("an excluded id of an invocation is no string");
    invocation.excluded.push_back(*id);
  }

  const auto messages = reader.read_map();
  if (!messages) return malformed("the messages of an invocation are no map");
  invocation.messages.reserve(*messages);
  for (std::size_t i = 0; i < *messages; ++i) {
    const auto protocol = reader.read_string();
    const auto bytes = protocol ? reader.read_binary() : std::nullopt;
    if (!bytes) return malformed("a message of an invocation is not bytes by the name of a protocol");
    invocation.messages.push_back({*protocol, as_text(*bytes)});
  }

  if (*elements >= 4) {
    const auto id = read_text(reader);
    const auto channel = id ? read_text(reader) : std::nullopt;
    if (!channel) return malformed("id or return channel of an invocation is no string");
    invocation.invocation_id = *id;
    invocation.return_channel = *channel;
  }
  return invocation;
}

std::string write_group_command(const GroupCommand& command) {
  std::string payload;
  message_pack::Packer packer(payload);
  packer.write_array(5);
  packer.write_integer(command.id);
  packer.write_string(command.server_name);
  packer.write_integer(command.action);
  packer.write_string(command.group);
  packer.write_string(command.connection_id);
  return payload;
}

Result<GroupCommand> read_group_command(Bytes payload) {
  message_pack::Reader reader(payload);
  const auto elements = reader.read_array();
  if (!elements) return malformed("a group command is no array");
  if (*elements < 5) return malformed("Insufficient items in GroupCommand array.");
  const auto id = reader.read_int32();
  const auto server = id ? reader.read_string() : std::nullopt;
  const auto action = server ? reader.read_int32() : std::nullopt;
  const auto group = action ? reader.read_string() : std::nullopt;
  const auto connection_id = group ? reader.read_string() : std::nullopt;
  if (!connection_id) return malformed("an element of a group command has the wrong type");
  return GroupCommand{*id, *server, *action, *group, *connection_id};
}

std::string write_ack(std::int32_t id) {
  std::string payload;
  message_pack::Packer packer(payload);
  packer.write_array(1);
  packer.write_integer(id);
  return payload;
}

Result<std::int32_t> read_ack(Bytes payload) {
  message_pack::Reader reader(payload);
  const auto elements = reader.read_array();
  if (!elements) return malformed("an ack is no array");
  if (*elements < 1) return malformed("Insufficient items in Ack array.");
  const auto id = reader.read_int32();
  if (!id) return malformed("the id of an ack is no number of 32 bits");
  return *id;
}

}  // namespace hubgate::hub::redis_protocol
