#include "hub/protocol/messagepack_envelope.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/message_pack.h"
#include "hub/protocol/utf8.h"

namespace hubgate::hub {

namespace {

using message_pack::Reader;
using message_pack::Type;

// MessagePack-CSharp's names of codes, for the one text that shows them.
std::string_view name_of(std::uint8_t code) {
  if (code <= 0x7f) return "positive fixint";
  if (code <= 0x8f) return "fixmap";
  if (code <= 0x9f) return "fixarray";
  if (code <= 0xbf) return "fixstr";
  if (code >= 0xe0) return "negative fixint";
  static constexpr std::string_view kNames[32] = {
      "nil",       "(never used)", "false",    "true",     "bin 8",    "bin 16",   "bin 32",   "ext 8",
      "ext 16",    "ext 32",       "float 32", "float 64", "uint 8",   "uint 16",  "uint 32",  "uint 64",
      "int 8",     "int 16",       "int 32",   "int 64",   "fixext 1", "fixext 2", "fixext 4", "fixext 8",
      "fixext 16", "str 8",        "str 16",   "str 32",   "array 16", "array 32", "map 16",   "map 32"};
  return kNames[code - 0xc0];
}

class EnvelopeParser {
 public:
  EnvelopeParser(Bytes frame, HubMessage& message, std::string& violation)
      : reader_(frame), message_(message), violation_(violation) {}

  ParseStatus parse() {
    message_.clear();
    const Type type = reader_.peek();
    if (type != Type::kArray && type != Type::kEnd) {
      const std::uint8_t code = reader_.peek_byte();
      violation_ = "MessagePackSerializationException: Unexpected msgpack code " + std::to_string(code) + " (" +
                   std::string(name_of(code)) + ") encountered.";
      return ParseStatus::kViolation;
    }
    const auto count = reader_.read_array();
    if (!count) {
      violation_ = "EndOfStreamException: Attempted to read past the end of the stream.";
      return ParseStatus::kViolation;
    }
    const auto number = reader_.read_int32();
    if (!number) {
      refuse("Reading 'messageType' as Int32 failed.");
      return ParseStatus::kViolation;
    }
    if (*number < 1 || *number > 9) return ParseStatus::kIgnored;
    message_.type = static_cast<MessageType>(*number);
    return body(*count) ? ParseStatus::kMessage : ParseStatus::kViolation;
  }

 private:
  // As in ASP.NET Core the frame's end decides what is there; the array's count only where elements are optional.
  bool body(std::size_t count) {
    switch (message_.type) {
      case MessageType::kInvocation:
        return headers() && read_text("invocationId", message_.invocation_id) &&
               needed_text("target", "target for Invocation message", message_.target) && call(count);
      case MessageType::kStreamInvocation:
        return headers() && needed_id("StreamInvocation") &&
               needed_text("target", "target for StreamInvocation message", message_.target) && call(count);
      case MessageType::kStreamItem:
        if (!headers() || !needed_id("StreamItem")) return false;
        message_.has_value = raw(message_.value);
        return true;
      case MessageType::kCompletion: return headers() && needed_id("Completion") && result();
      case MessageType::kCancelInvocation: return headers() && needed_id("CancelInvocation");
      case MessageType::kPing: return true;
      case MessageType::kClose: return close(count);
      case MessageType::kAck:
      case MessageType::kSequence: {
        const auto number = reader_.read_int64();
        if (!number) return refuse("Reading 'sequenceId' as Int64 failed.");
        message_.sequence_id = *number;
        return true;
      }
    }
    return false;
  }

  bool headers() {
    if (reader_.read_nil()) return true;  // ASP.NET Core refuses it; nothing is gained by that
    const auto count = reader_.read_map();
    if (!count) return refuse("Reading map length for 'headers' failed.");
    for (std::size_t i = 0; i < *count; ++i) {
      std::string name;
      std::string value;
      const std::string place = "headers[" + std::to_string(i) + "].";
      if (!needed_text(place + "Key", "key in header", name)) return false;
      if (!needed_text(place + "Value", "value in header", value)) return false;
      message_.headers.emplace_back(std::move(name), std::move(value));
    }
    return true;
  }

  // Arguments that cannot be taken apart fail this call alone, and nothing behind them can be read.
  bool call(std::size_t count) {
    const auto arguments = reader_.read_array();
    if (!arguments) {
      message_.arguments_error = "InvalidDataException: Reading array length for 'arguments' failed.";
      return true;
    }
    for (std::size_t i = 0; i < *arguments; ++i) {
      std::string_view argument;
      if (!raw(argument)) {
        message_.arguments.clear();
        message_.arguments_error = kBindingFailed;
        return true;
      }
      message_.arguments.push_back(argument);
    }
    return count <= 5 || stream_ids();
  }

  bool stream_ids() {
    const auto ids = reader_.read_array();
    if (!ids) return refuse("Reading array length for 'streamIds' failed.");
    for (std::size_t i = 0; i < *ids; ++i) {
      std::string id;
      if (!read_text("streamIds", id)) return false;
      if (id.empty()) return refuse("Null or empty value in streamIds received.");
      message_.stream_ids.push_back(std::move(id));
    }
    return true;
  }

  bool result() {
    const auto kind = reader_.read_int32();
    if (!kind) return refuse("Reading 'resultKind' as Int32 failed.");
    switch (*kind) {
      case 1: return error();
      case 2: return true;
      case 3:
        // A result that is cut short stays empty: it is there, and it cannot be bound.
        message_.has_value = true;
        raw(message_.value);
        return true;
      default: return refuse("Invalid invocation result kind.");
    }
  }

  bool close(std::size_t count) {
    if (!error()) return false;
    if (count <= 2) return true;
    const auto allow_reconnect = reader_.read_bool();
    if (!allow_reconnect) return refuse("Reading 'allowReconnect' as Boolean failed.");
    message_.allow_reconnect = *allow_reconnect;
    return true;
  }

  bool error() {
    if (reader_.read_nil()) return true;
    return read_text("error", message_.error.emplace());
  }

  // Nil is an empty text.
  bool read_text(std::string_view name, std::string& into) {
    if (reader_.read_nil()) return true;
    const auto text = reader_.read_string();
    if (!text) return refuse(std::string("Reading '").append(name) + "' as String failed.");
    if (is_valid_utf8(*text)) {
      into.assign(*text);
    } else {
      into = replace_invalid_utf8(*text);
    }
    return true;
  }

  bool needed_text(std::string_view name, std::string_view what, std::string& into) {
    if (!read_text(name, into)) return false;
    return !into.empty() || refuse(std::string("Null or empty ").append(what) + ".");
  }

  bool needed_id(std::string_view message) {
    return read_text("invocationId", message_.invocation_id) &&
           (!message_.invocation_id.empty() ||
            refuse(std::string("Null or empty invocation ID for ").append(message) + " message."));
  }

  bool raw(std::string_view& into) {
    const auto bytes = reader_.read_raw();
    if (bytes) into = as_text(*bytes);
    return bytes.has_value();
  }

  bool refuse(std::string detail) {
    violation_ = "InvalidDataException: " + std::move(detail);
    return false;
  }

  Reader reader_;
  HubMessage& message_;
  std::string& violation_;
};

}  // namespace

ParseStatus parse_messagepack_envelope(Bytes frame, HubMessage& message, std::string& violation) {
  return EnvelopeParser(frame, message, violation).parse();
}

}  // namespace hubgate::hub
