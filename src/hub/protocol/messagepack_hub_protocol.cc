#include "hub/protocol/messagepack_hub_protocol.h"

#include "common/base/message_pack.h"
#include "hub/protocol/binary_message.h"
#include "hub/protocol/encode_buffer.h"
#include "hub/protocol/messagepack_envelope.h"
#include "hub/protocol/messagepack_value.h"

namespace hubgate::hub {

namespace {

using message_pack::Packer;
using message_pack::Reader;

constexpr int kErrorResult = 1;
constexpr int kVoidResult = 2;
constexpr int kNonVoidResult = 3;

std::string cannot_write() { return "the value cannot be written as MessagePack"; }

Payload framed(std::string_view body) {
  std::string prefix;
  append_length_prefix(body.size(), prefix);
  return Payload(as_bytes(prefix), as_bytes(body));
}

void begin(MessageType type, std::size_t elements, Packer& packer) {
  packer.write_array(elements);
  packer.write_integer(static_cast<int>(type));
}

void write_headers(const MessageHeaders* headers, Packer& packer) {
  packer.write_map(headers == nullptr ? 0 : headers->size());
  if (headers == nullptr) return;
  for (const auto& [name, value] : *headers) {
    packer.write_string(name);
    packer.write_string(value);
  }
}

Payload sequence_message(MessageType type, std::int64_t sequence_id) {
  std::string& out = encode_buffer();
  Packer packer(out);
  begin(type, 2, packer);
  packer.write_integer(sequence_id);
  return framed(out);
}

}  // namespace

ParseResult MessagePackHubProtocol::parse(Bytes input, ParseState& state, HubMessage& message) const {
  const LengthPrefix length = read_length_prefix(input);
  if (length.status == LengthStatus::kTooLarge) {
    return {ParseStatus::kViolation, 0, "FormatException: Messages over 2GB in size are not supported."};
  }
  if (length.status == LengthStatus::kNeedMore) return {};
  const std::size_t size = length.prefix + length.message;
  if (state.max_message != 0 && size > state.max_message) {
    return {ParseStatus::kViolation, 0, message_too_large(state.max_message)};
  }
  if (input.size() < size) return {};
  ParseResult result{ParseStatus::kMessage, size, {}};
  result.status = parse_messagepack_envelope(input.subspan(length.prefix, length.message), message, result.violation);
  return result;
}

bool MessagePackHubProtocol::read_value(std::string_view raw, Value& value) const {
  Reader reader(raw);
  return read_messagepack_value(reader, value);
}

Result<Payload> MessagePackHubProtocol::write_invocation(const InvocationView& invocation,
                                                         Unwritable unwritable) const {
  std::string& out = encode_buffer();
  Packer packer(out);
  begin(invocation.is_stream ? MessageType::kStreamInvocation : MessageType::kInvocation, 6, packer);
  write_headers(invocation.headers, packer);
  if (invocation.invocation_id.empty()) {
    packer.write_nil();
  } else {
    packer.write_string(invocation.invocation_id);
  }
  packer.write_string(invocation.target);
  packer.write_array(invocation.arguments.size());
  for (const Value& argument : invocation.arguments) {
    if (!write_messagepack_value(argument, unwritable, packer)) {
      return make_error(ErrorCode::kInvalid, cannot_write());
    }
  }
  const auto stream_ids = invocation.stream_ids.value_or(std::span<const std::string>());
  packer.write_array(stream_ids.size());
  for (const std::string& id : stream_ids) packer.write_string(id);
  return framed(out);
}

Result<Payload> MessagePackHubProtocol::write_stream_item(std::string_view invocation_id, const Value& item,
                                                          const MessageHeaders* headers) const {
  std::string& out = encode_buffer();
  Packer packer(out);
  begin(MessageType::kStreamItem, 4, packer);
  write_headers(headers, packer);
  packer.write_string(invocation_id);
  if (!write_messagepack_value(item, Unwritable::kFail, packer)) {
    return make_error(ErrorCode::kInvalid, cannot_write());
  }
  return framed(out);
}

Result<Payload> MessagePackHubProtocol::write_completion(const CompletionView& completion) const {
  std::string& out = encode_buffer();
  Packer packer(out);
  const bool has_result = completion.result != nullptr || !completion.raw_result.empty();
  begin(MessageType::kCompletion, completion.error || has_result ? 5 : 4, packer);
  write_headers(completion.headers, packer);
  packer.write_string(completion.invocation_id);
  if (completion.error) {
    packer.write_integer(kErrorResult);
    packer.write_string(*completion.error);
  } else if (completion.result != nullptr) {
    packer.write_integer(kNonVoidResult);
    if (!write_messagepack_value(*completion.result, Unwritable::kFail, packer)) {
      return make_error(ErrorCode::kInvalid, cannot_write());
    }
  } else if (has_result) {
    packer.write_integer(kNonVoidResult);
    packer.write_raw(completion.raw_result);
  } else {
    packer.write_integer(kVoidResult);
  }
  return framed(out);
}

Payload MessagePackHubProtocol::write_cancel(std::string_view invocation_id, const MessageHeaders* headers) const {
  std::string& out = encode_buffer();
  Packer packer(out);
  begin(MessageType::kCancelInvocation, 3, packer);
  write_headers(headers, packer);
  packer.write_string(invocation_id);
  return framed(out);
}

Payload MessagePackHubProtocol::write_ping() const {
  thread_local const Payload ping(std::string_view("\x02\x91\x06"));
  return ping;
}

Payload MessagePackHubProtocol::write_close(const std::string_view* error, bool allow_reconnect) const {
  std::string& out = encode_buffer();
  Packer packer(out);
  begin(MessageType::kClose, 3, packer);
  if (error == nullptr || error->empty()) {
    packer.write_nil();
  } else {
    packer.write_string(*error);
  }
  packer.write_bool(allow_reconnect);
  return framed(out);
}

Payload MessagePackHubProtocol::write_ack(std::int64_t sequence_id) const {
  return sequence_message(MessageType::kAck, sequence_id);
}

Payload MessagePackHubProtocol::write_sequence(std::int64_t sequence_id) const {
  return sequence_message(MessageType::kSequence, sequence_id);
}

Result<std::string> MessagePackHubProtocol::write_value(const Value& value, Unwritable unwritable) const {
  std::string out;
  Packer packer(out);
  if (!write_messagepack_value(value, unwritable, packer)) return make_error(ErrorCode::kInvalid, cannot_write());
  return out;
}

}  // namespace hubgate::hub
