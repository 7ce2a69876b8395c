#include "hub/protocol/json_envelope.h"

#include <optional>
#include <string>
#include <utility>

#include "hub/protocol/json.h"

namespace hubgate::hub {

namespace {

using json::Scanner;
using json::Token;

enum class Member : std::uint8_t {
  kUnknown,
  kType,
  kItem,
  kError,
  kTarget,
  kResult,
  kHeaders,
  kArguments,
  kStreamIds,
  kSequenceId,
  kInvocationId,
  kAllowReconnect,
};

Member member_of(std::string_view name) {
  switch (name.size()) {
    case 4: return name == "type" ? Member::kType : name == "item" ? Member::kItem : Member::kUnknown;
    case 5: return name == "error" ? Member::kError : Member::kUnknown;
    case 6: return name == "target" ? Member::kTarget : name == "result" ? Member::kResult : Member::kUnknown;
    case 7: return name == "headers" ? Member::kHeaders : Member::kUnknown;
    case 9:
      return name == "arguments" ? Member::kArguments : name == "streamIds" ? Member::kStreamIds : Member::kUnknown;
    case 10: return name == "sequenceId" ? Member::kSequenceId : Member::kUnknown;
    case 12: return name == "invocationId" ? Member::kInvocationId : Member::kUnknown;
    case 14: return name == "allowReconnect" ? Member::kAllowReconnect : Member::kUnknown;
    default: return Member::kUnknown;
  }
}

class EnvelopeParser {
 public:
  EnvelopeParser(std::string_view record, HubMessage& message, std::string& violation)
      : scanner_(record), message_(message), violation_(violation) {}

  ParseStatus parse() {
    message_.clear();
    const Token token = scanner_.peek();
    if (token != Token::kObject) {
      // A container is refused at its first character, everything else must be sound to have a type.
      if (token != Token::kArray && !scanner_.value()) return not_json();
      return invalid(std::string("Unexpected JSON Token Type '").append(to_string(token)) +
                     "'. Expected a JSON Object.");
    }
    scanner_.enter();
    while (scanner_.next_element()) {
      if (!take_member()) return failed();
    }
    if (scanner_.failed()) return not_json();
    return check();
  }

 private:
  bool take_member() {
    std::string_view name;
    bool escaped = false;
    if (!scanner_.name(name, escaped)) return false;
    Member member = Member::kUnknown;
    if (!escaped) {
      member = member_of(name);
    } else if (std::string text; json::unescape(name, true, text)) {
      member = member_of(text);
    }
    switch (member) {
      case Member::kUnknown: return scanner_.value().has_value();
      case Member::kType: {
        const auto raw = number("type");
        if (!raw) return false;
        const auto number = json::parse_int32(*raw);
        if (!number) return out_of_bounds("Int32");
        type_ = *number;
        return true;
      }
      case Member::kItem: has_item_ = true; return raw_value(item_);
      case Member::kResult: has_result_ = true; return raw_value(result_);
      case Member::kError: return text("error", message_.error ? *message_.error : message_.error.emplace());
      case Member::kTarget: has_target_ = true; return text("target", message_.target);
      case Member::kInvocationId: return text("invocationId", message_.invocation_id);
      case Member::kArguments: return take_arguments();
      case Member::kStreamIds: return take_stream_ids();
      case Member::kHeaders: return take_headers();
      case Member::kSequenceId: {
        const auto raw = number("sequenceId");
        if (!raw) return false;
        const auto number = json::parse_int64(*raw);
        if (!number) return out_of_bounds("Int64");
        message_.sequence_id = *number;
        has_sequence_id_ = true;
        return true;
      }
      case Member::kAllowReconnect: return take_allow_reconnect();
    }
    return false;
  }

  bool take_arguments() {
    if (!expect(Token::kArray, "Expected 'arguments' to be of type Array.")) return false;
    has_arguments_ = true;
    message_.arguments.clear();
    if (!scanner_.enter()) return false;
    while (scanner_.next_element()) {
      const auto raw = scanner_.value();
      if (!raw) return false;
      message_.arguments.push_back(*raw);
    }
    return !scanner_.failed();
  }

  bool take_stream_ids() {
    if (!expect(Token::kArray, "Expected 'streamIds' to be of type Array.")) return false;
    message_.stream_ids.clear();
    if (!scanner_.enter()) return false;
    while (scanner_.next_element()) {
      const Token token = scanner_.peek();
      if (token == Token::kString) {
        if (!string_into(message_.stream_ids.emplace_back())) return false;
        continue;
      }
      if (token != Token::kObject && token != Token::kArray && !scanner_.value()) return false;
      if (token == Token::kNull) return refuse("Null value for 'streamIds' is not valid.");
      std::string name(to_string(token));
      if (token == Token::kObject || token == Token::kArray) name.insert(0, "Start");
      violation_ = "InvalidOperationException: Cannot get the value of a token type '" + name + "' as a string.";
      return false;
    }
    return !scanner_.failed();
  }

  bool take_headers() {
    if (!expect(Token::kObject, "Expected 'headers' to be of type StartObject.")) return false;
    message_.headers.clear();
    if (!scanner_.enter()) return false;
    while (scanner_.next_element()) {
      std::string_view raw;
      bool escaped = false;
      if (!scanner_.name(raw, escaped)) return false;
      std::string name;
      if (!json::unescape(raw, escaped, name)) return no_text();
      std::string value;
      if (!expect(Token::kString, "Expected header '" + name + "' to be of type String.")) return false;
      if (!string_into(value)) return false;
      message_.headers.emplace_back(std::move(name), std::move(value));
    }
    return !scanner_.failed();
  }

  bool take_allow_reconnect() {
    const Token token = scanner_.peek();
    if (!pass_scalar(token)) return false;
    if (token != Token::kTrue && token != Token::kFalse) {
      return refuse("Expected 'allowReconnect' to be true or false.");
    }
    message_.allow_reconnect = token == Token::kTrue;
    return true;
  }

  bool text(std::string_view name, std::string& into) {
    const Token token = scanner_.peek();
    if (token != Token::kString) {
      if (!pass_scalar(token)) return false;
      return refuse(std::string("Expected '").append(name) + "' to be of type String.");
    }
    into.clear();
    return string_into(into);
  }

  std::optional<std::string_view> number(std::string_view name) {
    const Token token = scanner_.peek();
    if (token == Token::kNumber) return scanner_.value();
    if (pass_scalar(token)) refuse(std::string("Expected '").append(name) + "' to be of type Number.");
    return std::nullopt;
  }

  bool string_into(std::string& into) {
    std::string_view raw;
    bool escaped = false;
    if (!scanner_.string(raw, escaped)) return false;
    return json::unescape(raw, escaped, into) || no_text();
  }

  bool raw_value(std::string_view& into) {
    const auto raw = scanner_.value();
    if (raw) into = *raw;
    return raw.has_value();
  }

  // The next value must be of this kind; another one is refused, unless it is not even JSON.
  bool expect(Token expected, std::string detail) {
    const Token token = scanner_.peek();
    if (token == expected) return true;
    return pass_scalar(token) && refuse(std::move(detail));
  }

  // A scalar of the wrong kind is passed over first, since malformed JSON is the greater fault; false if it is that.
  bool pass_scalar(Token token) {
    return token == Token::kObject || token == Token::kArray || scanner_.value().has_value();
  }

  bool refuse(std::string detail) {
    violation_ = "InvalidDataException: " + std::move(detail);
    return false;
  }

  bool out_of_bounds(std::string_view type) {
    violation_ = "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an ";
    violation_.append(type) += '.';
    return false;
  }

  bool no_text() {
    violation_ = "InvalidOperationException: Cannot transcode invalid UTF-8 JSON text to UTF-16 string.";
    return false;
  }

  ParseStatus not_json() { return invalid("Error reading JSON."); }

  ParseStatus failed() {
    // Where nobody said why, the text is no JSON.
    return violation_.empty() ? not_json() : ParseStatus::kViolation;
  }

  ParseStatus invalid(std::string detail) {
    refuse(std::move(detail));
    return ParseStatus::kViolation;
  }

  ParseStatus missing(std::string_view name) {
    return invalid(std::string("Missing required property '").append(name) + "'.");
  }

  ParseStatus check() {
    if (!type_) return missing("type");
    if (*type_ < 1 || *type_ > 9) return ParseStatus::kIgnored;
    message_.type = static_cast<MessageType>(*type_);
    const bool has_id = !message_.invocation_id.empty();
    switch (message_.type) {
      case MessageType::kInvocation:
        if (!has_target_) return missing("target");
        if (!has_arguments_) return missing("arguments");
        break;
      case MessageType::kStreamInvocation:
        if (!has_target_) return missing("target");
        if (!has_id) return missing("invocationId");
        if (!has_arguments_) return missing("arguments");
        break;
      case MessageType::kStreamItem:
        if (!has_id) return missing("invocationId");
        if (!has_item_) return missing("item");
        message_.has_value = true;
        message_.value = item_;
        break;
      case MessageType::kCompletion:
        if (!has_id) return missing("invocationId");
        if (message_.error && has_result_) {
          return invalid("The 'error' and 'result' properties are mutually exclusive.");
        }
        message_.has_value = has_result_;
        message_.value = result_;
        break;
      case MessageType::kCancelInvocation:
        if (!has_id) return missing("invocationId");
        break;
      case MessageType::kAck:
      case MessageType::kSequence:
        if (!has_sequence_id_) return missing("sequenceId");
        break;
      case MessageType::kPing:
      case MessageType::kClose: break;
    }
    return ParseStatus::kMessage;
  }

  Scanner scanner_;
  HubMessage& message_;
  std::string& violation_;
  std::optional<std::int32_t> type_;
  std::string_view item_;
  std::string_view result_;
  bool has_item_ = false;
  bool has_result_ = false;
  bool has_target_ = false;
  bool has_arguments_ = false;
  bool has_sequence_id_ = false;
};

}  // namespace

ParseStatus parse_json_envelope(std::string_view record, HubMessage& message, std::string& violation) {
  return EnvelopeParser(record, message, violation).parse();
}

}  // namespace hubgate::hub
