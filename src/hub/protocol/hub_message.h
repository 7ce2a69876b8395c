#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hubgate/value.h>

namespace hubgate::hub {

/// Numbers of the wire. Source: aspnetcore docs/specs/HubProtocol.md.
enum class MessageType : std::uint8_t {
  kInvocation = 1,
  kStreamItem = 2,
  kCompletion = 3,
  kStreamInvocation = 4,
  kCancelInvocation = 5,
  kPing = 6,
  kClose = 7,
  kAck = 8,
  kSequence = 9,
};

/// Invocation headers (traceparent and the like), in the order of the wire. Of several with one name the last counts.
using MessageHeaders = std::vector<std::pair<std::string, std::string>>;

/// What a client sent, envelope only. Arguments, item and result stay as the bytes they came in, to be bound with
/// HubProtocol::read_value when it is known what they must be. Raw views point into the input of
/// HubProtocol::parse and live as long as that; all else is the message's own. Reused from parse to parse.
struct HubMessage {
  MessageType type = MessageType::kPing;
  /// Empty: fire and forget. Never empty where the type needs one.
  std::string invocation_id;
  std::string target;
  /// Raw values of an Invocation or StreamInvocation, one each.
  std::vector<std::string_view> arguments;
  /// Not empty: the arguments cannot be taken apart (MessagePack only). That is a failed binding of this call alone,
  /// and this is the detail of its error; `arguments` is empty then.
  std::string arguments_error;
  std::vector<std::string> stream_ids;
  MessageHeaders headers;
  /// StreamItem: there is an item (a client may leave it out in MessagePack: the item cannot be bound then).
  /// Completion: there is a result.
  bool has_value = false;
  /// The raw item or result, if has_value.
  std::string_view value;
  /// Completion or Close; empty but present where the client sent an empty text.
  std::optional<std::string> error;
  bool allow_reconnect = false;
  std::int64_t sequence_id = 0;

  /// Empty again, keeping the memory.
  void clear() {
    invocation_id.clear();
    target.clear();
    arguments.clear();
    arguments_error.clear();
    stream_ids.clear();
    headers.clear();
    has_value = false;
    value = {};
    error.reset();
    allow_reconnect = false;
    sequence_id = 0;
  }
};

/// An Invocation to be written. All views must outlive the call.
struct InvocationView {
  std::string_view target;
  std::span<const Value> arguments;
  /// Not empty: the client is asked for a result.
  std::string_view invocation_id = {};
  /// Where JSON tells an empty list from none, an empty span is the former.
  std::optional<std::span<const std::string>> stream_ids = {};
  const MessageHeaders* headers = nullptr;
  /// A StreamInvocation: only clients send those.
  bool is_stream = false;
};

/// A Completion to be written: with `error`, else with `result`, else with `raw_result`, else with neither (the end of
/// a stream). The completion of a void method has a null result, not none.
struct CompletionView {
  std::string_view invocation_id;
  std::optional<std::string_view> error = {};
  const Value* result = nullptr;
  /// A value as the same protocol has it already, such as another client's answer.
  std::string_view raw_result = {};
  const MessageHeaders* headers = nullptr;
};

}  // namespace hubgate::hub
