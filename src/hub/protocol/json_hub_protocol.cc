#include "hub/protocol/json_hub_protocol.h"

#include <utility>

#include "hub/protocol/encode_buffer.h"
#include "hub/protocol/json.h"
#include "hub/protocol/json_envelope.h"
#include "hub/protocol/record.h"

namespace hubgate::hub {

namespace {

std::string cannot_write() { return "ArgumentException: the value cannot be written as JSON"; }

void begin(MessageType type, const MessageHeaders* headers, std::string& out) {
  out += "{\"type\":";
  out += static_cast<char>('0' + static_cast<int>(type));
  if (headers == nullptr || headers->empty()) return;
  out += ",\"headers\":{";
  bool first = true;
  for (const auto& [name, value] : *headers) {
    if (!first) out += ',';
    first = false;
    json::write_string(name, out);
    out += ':';
    json::write_string(value, out);
  }
  out += '}';
}

void write_id(std::string_view invocation_id, std::string& out) {
  if (invocation_id.empty()) return;
  out += ",\"invocationId\":";
  json::write_string(invocation_id, out);
}

Payload end(std::string& out) {
  out += '}';
  out += kRecordSeparator;
  return Payload(out);
}

Payload sequence_message(MessageType type, std::int64_t sequence_id) {
  std::string& out = encode_buffer();
  begin(type, nullptr, out);
  out += ",\"sequenceId\":";
  json::write_integer(sequence_id, out);
  return end(out);
}

}  // namespace

ParseResult JsonHubProtocol::parse(Bytes input, ParseState& state, HubMessage& message) const {
  const auto record = cut_record(input, state.max_message, state.scanned);
  if (!record) return {ParseStatus::kViolation, 0, message_too_large(state.max_message)};
  if (!*record) return {};
  ParseResult result{ParseStatus::kMessage, (*record)->size() + 1, {}};
  result.status = parse_json_envelope(**record, message, result.violation);
  return result;
}

bool JsonHubProtocol::read_value(std::string_view raw, Value& value) const { return json::read_value(raw, value); }

Result<Payload> JsonHubProtocol::write_invocation(const InvocationView& invocation, Unwritable unwritable) const {
  std::string& out = encode_buffer();
  begin(invocation.is_stream ? MessageType::kStreamInvocation : MessageType::kInvocation, invocation.headers, out);
  write_id(invocation.invocation_id, out);
  out += ",\"target\":";
  json::write_string(invocation.target, out);
  out += ",\"arguments\":[";
  bool first = true;
  for (const Value& argument : invocation.arguments) {
    if (!first) out += ',';
    first = false;
    if (!json::write_value(argument, {names_, unwritable}, out)) {
      return make_error(ErrorCode::kInvalid, cannot_write());
    }
  }
  out += ']';
  if (invocation.stream_ids) {
    out += ",\"streamIds\":[";
    first = true;
    for (const std::string& id : *invocation.stream_ids) {
      if (!first) out += ',';
      first = false;
      json::write_string(id, out);
    }
    out += ']';
  }
  return end(out);
}

Result<Payload> JsonHubProtocol::write_stream_item(std::string_view invocation_id, const Value& item,
                                                   const MessageHeaders* headers) const {
  std::string& out = encode_buffer();
  begin(MessageType::kStreamItem, headers, out);
  write_id(invocation_id, out);
  out += ",\"item\":";
  if (!json::write_value(item, {names_, Unwritable::kFail}, out)) {
    return make_error(ErrorCode::kInvalid, cannot_write());
  }
  return end(out);
}

Result<Payload> JsonHubProtocol::write_completion(const CompletionView& completion) const {
  std::string& out = encode_buffer();
  begin(MessageType::kCompletion, completion.headers, out);
  write_id(completion.invocation_id, out);
  if (completion.error) {
    if (!completion.error->empty()) {
      out += ",\"error\":";
      json::write_string(*completion.error, out);
    }
  } else if (completion.result != nullptr) {
    out += ",\"result\":";
    if (!json::write_value(*completion.result, {names_, Unwritable::kFail}, out)) {
      return make_error(ErrorCode::kInvalid, cannot_write());
    }
  } else if (!completion.raw_result.empty()) {
    out += ",\"result\":";
    out += completion.raw_result;
  }
  return end(out);
}

Payload JsonHubProtocol::write_cancel(std::string_view invocation_id, const MessageHeaders* headers) const {
  std::string& out = encode_buffer();
  begin(MessageType::kCancelInvocation, headers, out);
  write_id(invocation_id, out);
  return end(out);
}

Payload JsonHubProtocol::write_ping() const {
  thread_local const Payload ping(std::string_view("{\"type\":6}\x1e"));
  return ping;
}

Payload JsonHubProtocol::write_close(const std::string_view* error, bool allow_reconnect) const {
  std::string& out = encode_buffer();
  begin(MessageType::kClose, nullptr, out);
  if (error != nullptr) {
    out += ",\"error\":";
    json::write_string(*error, out);
  }
  if (allow_reconnect) out += ",\"allowReconnect\":true";
  return end(out);
}

Payload JsonHubProtocol::write_ack(std::int64_t sequence_id) const {
  return sequence_message(MessageType::kAck, sequence_id);
}

Payload JsonHubProtocol::write_sequence(std::int64_t sequence_id) const {
  return sequence_message(MessageType::kSequence, sequence_id);
}

Result<std::string> JsonHubProtocol::write_value(const Value& value, Unwritable unwritable) const {
  std::string out;
  if (!json::write_value(value, {names_, unwritable}, out)) return make_error(ErrorCode::kInvalid, cannot_write());
  return out;
}

}  // namespace hubgate::hub
