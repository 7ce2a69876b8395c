#include "hub/protocol/serialized_hub_message.h"

#include <vector>

namespace hubgate::hub {

namespace {

// The same message in another protocol. Values that it cannot have become null: nobody is closed for them.
Result<Payload> rewrite(const HubMessage& message, const HubProtocol& from, const HubProtocol& to) {
  std::vector<Value> values(message.arguments.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!from.read_value(message.arguments[i], values[i])) {
      return make_error(ErrorCode::kInvalid, "an argument cannot be decoded");
    }
  }
  Value value;
  if (message.has_value && !from.read_value(message.value, value)) {
    return make_error(ErrorCode::kInvalid, "a value cannot be decoded");
  }
  switch (message.type) {
    case MessageType::kInvocation:
    case MessageType::kStreamInvocation: {
      if (!message.arguments_error.empty()) return make_error(ErrorCode::kInvalid, message.arguments_error);
      InvocationView invocation{.target = message.target,
                                .arguments = values,
                                .invocation_id = message.invocation_id,
                                .headers = &message.headers,
                                .is_stream = message.type == MessageType::kStreamInvocation};
      if (!message.stream_ids.empty()) invocation.stream_ids = message.stream_ids;
      return to.write_invocation(invocation, Unwritable::kNull);
    }
    case MessageType::kStreamItem: return to.write_stream_item(message.invocation_id, value, &message.headers);
    case MessageType::kCompletion: {
      CompletionView completion{.invocation_id = message.invocation_id, .headers = &message.headers};
      if (message.error) completion.error = *message.error;
      if (message.has_value) completion.result = &value;
      return to.write_completion(completion);
    }
    default: return make_error(ErrorCode::kUnsupported, "not a message for clients");
  }
}

}  // namespace

SerializedHubMessage::SerializedHubMessage(std::span<const Entry> ready) : from_bytes_(true) {
  for (const Entry& entry : ready) add(entry.protocol).message.bytes = Payload(entry.bytes);
}

SerializedHubMessage::Encoding& SerializedHubMessage::add(std::string_view protocol) const {
  Encoding& encoding = count_ < first_.size() ? first_[count_++] : more_.emplace_front();
  encoding.protocol = protocol;
  return encoding;
}

const EncodedMessage* SerializedHubMessage::for_protocol(const HubProtocol& protocol) const {
  const std::string_view name = protocol.name();
  const auto found = [](const Encoding& encoding) { return encoding.failed ? nullptr : &encoding.message; };
  for (std::size_t i = 0; i < count_; ++i) {
    if (first_[i].protocol == name) return found(first_[i]);
  }
  for (const Encoding& encoding : more_) {
    if (encoding.protocol == name) return found(encoding);
  }
  Payload bytes;
  bool done = false;
  if (from_bytes_) {
    done = transcode(protocol, bytes);
    if (done) ++transcoded_;
  } else if (auto written = protocol.write_invocation(invocation_, Unwritable::kNull)) {
    bytes = *std::move(written);
    done = true;
  }
  Encoding& encoding = add(name);
  encoding.message.bytes = std::move(bytes);
  encoding.failed = !done;
  return found(encoding);
}

bool SerializedHubMessage::transcode(const HubProtocol& protocol, Payload& bytes) const {
  // MessagePack first: it keeps more of a value's type than JSON does.
  for (const std::string_view name : {"messagepack", "json"}) {
    const Encoding* source = nullptr;
    for (const Encoding& encoding : first_) {
      if (!encoding.failed && encoding.protocol == name) source = &encoding;
    }
    for (const Encoding& encoding : more_) {
      if (!encoding.failed && encoding.protocol == name) source = &encoding;
    }
    if (source == nullptr) continue;
    const HubProtocol& from = *find_standard_protocol(name);
    std::string written;
    HubMessage message;
    ParseState state{.max_message = 0};
    Bytes rest = source->message.bytes.bytes();
    bool sound = !rest.empty();
    while (sound && !rest.empty()) {
      const ParseResult parsed = from.parse(rest, state, message);
      sound = parsed.status == ParseStatus::kMessage || parsed.status == ParseStatus::kIgnored;
      rest = rest.subspan(parsed.taken);
      if (parsed.status != ParseStatus::kMessage) continue;
      const auto rewritten = rewrite(message, from, protocol);
      sound = rewritten.has_value();
      if (sound) written.append(rewritten->text());
    }
    if (!sound || written.empty()) continue;
    bytes = Payload(written);
    return true;
  }
  return false;
}

}  // namespace hubgate::hub
