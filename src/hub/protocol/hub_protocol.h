#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <hubgate/convert.h>
#include <hubgate/result.h>
#include <hubgate/value.h>

#include "common/base/bytes.h"
#include "hub/protocol/hub_message.h"
#include "hub/protocol/transfer_format.h"

namespace hubgate::hub {

/// What one connection's parser remembers between calls.
struct ParseState {
  /// Bytes of a message with its separator or length prefix; 0: no limit. SignalR's MaximumReceiveMessageSize.
  std::size_t max_message = 32 * 1024;
  /// The protocol's own: how much of the front of the input was looked at in vain.
  std::size_t scanned = 0;
};

enum class ParseStatus : std::uint8_t {
  kNeedMore,   // no whole message at the front; nothing was taken
  kMessage,    // one was taken
  kIgnored,    // one of a type that nobody knows was taken: go on
  kViolation,  // the connection must end with Close; the stream cannot be resumed
};

struct ParseResult {
  ParseStatus status = ParseStatus::kNeedMore;
  std::size_t taken = 0;  // bytes from the front of the input
  /// Of a violation: the detail of the Close message's error, such as "InvalidDataException: Error reading JSON."
  std::string violation = {};
};

/// What to do with a value that the protocol cannot write: NaN, infinities and extensions in JSON, too many levels.
enum class Unwritable : std::uint8_t { kFail, kNull };

/// One way of turning hub messages into bytes and back: no I/O, no state, shared by all connections; any thread.
/// Source: aspnetcore docs/specs/HubProtocol.md.
class HubProtocol {
 public:
  virtual ~HubProtocol() = default;

  /// As in the handshake; lower case.
  virtual std::string_view name() const = 0;
  /// The highest version that the handshake accepts.
  virtual int version() const = 0;
  virtual TransferFormat transfer_format() const = 0;
  /// By which rules values that came by this protocol become C++ types.
  virtual ValueFormat value_format() const = 0;

  /// Looks at the front of a client's byte stream. `state` belongs to the connection; after a kNeedMore the next call
  /// must show the same bytes with more behind them. `message` is filled by kMessage and undefined otherwise.
  virtual ParseResult parse(Bytes input, ParseState& state, HubMessage& message) const = 0;
  /// A raw argument, item or result as a value. False when it cannot be one (bad UTF-8, an unpaired surrogate, too
  /// deep, cut short): the binding fails, the connection lives.
  virtual bool read_value(std::string_view raw, Value& value) const = 0;

  /// Whole messages, framed. Error kInvalid: a value cannot be written in this protocol.
  virtual Result<Payload> write_invocation(const InvocationView& invocation,
                                           Unwritable unwritable = Unwritable::kFail) const = 0;
  virtual Result<Payload> write_stream_item(std::string_view invocation_id, const Value& item,
                                            const MessageHeaders* headers = nullptr) const = 0;
  virtual Result<Payload> write_completion(const CompletionView& completion) const = 0;
  virtual Payload write_cancel(std::string_view invocation_id, const MessageHeaders* headers = nullptr) const = 0;
  /// The same payload every time.
  virtual Payload write_ping() const = 0;
  /// `error` nullptr: none; an empty text is told apart from none where the protocol can.
  virtual Payload write_close(const std::string_view* error, bool allow_reconnect) const = 0;
  virtual Payload write_ack(std::int64_t sequence_id) const = 0;
  virtual Payload write_sequence(std::int64_t sequence_id) const = 0;
  /// A value alone, as it stands inside messages.
  virtual Result<std::string> write_value(const Value& value, Unwritable unwritable = Unwritable::kFail) const = 0;
};

/// Detail of the Close message when the transport's input ends inside a message.
inline constexpr std::string_view kInputEndedInMessage =
    "InvalidDataException: Connection terminated while reading a message.";

/// Detail of a call's error when an argument does not fit its parameter.
inline constexpr std::string_view kBindingFailed =
    "InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types of "
    "the hub method being invoked.";

/// Detail of the Close message when a message is larger than ParseState::max_message.
std::string message_too_large(std::size_t max_message);

/// A protocol that every server has, by name ("json", "messagepack"), with default settings; nullptr: unknown.
const HubProtocol* find_standard_protocol(std::string_view name);

}  // namespace hubgate::hub
