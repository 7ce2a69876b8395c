#include "hub/protocol/handshake_protocol.h"

#include <optional>

#include "common/base/ascii.h"
#include "hub/protocol/json.h"
#include "hub/protocol/json_writer.h"
#include "hub/protocol/record.h"
#include "hub/protocol/utf8.h"

namespace hubgate::hub {

namespace {

using json::Scanner;
using json::Token;

Error refused(std::string detail) { return make_error(ErrorCode::kInvalid, std::move(detail), Side::kDownstream); }

Error invalid_data(std::string detail) { return refused("InvalidDataException: " + std::move(detail)); }

Error not_json(const Scanner& scanner) {
  return refused("JsonReaderException: The handshake request is not valid JSON. LineNumber: 0 | BytePositionInLine: " +
                 std::to_string(scanner.position()) + ".");
}

Error wrong_type(std::string_view name, std::string_view type) {
  return invalid_data(std::string("Expected '").append(name).append("' to be of type ").append(type) + ".");
}

Error missing(std::string_view name, std::string_view record) {
  return invalid_data(std::string("Missing required property '").append(name).append("'. Message content: ") +
                      replace_invalid_utf8(record));
}

}  // namespace

Result<HandshakeRequest> parse_handshake_request(std::string_view record) {
  Scanner scanner(record);
  const Token first = scanner.peek();
  if (first != Token::kObject) {
    if (first != Token::kArray && !scanner.value()) return not_json(scanner);
    return invalid_data(std::string("Unexpected JSON Token Type '").append(to_string(first)) +
                        "'. Expected a JSON Object.");
  }
  std::optional<std::string> protocol;
  std::optional<int> version;
  scanner.enter();
  while (scanner.next_element()) {
    std::string_view raw;
    bool escaped = false;
    std::string name;
    if (!scanner.name(raw, escaped)) return not_json(scanner);
    if (!json::unescape(raw, escaped, name)) name.clear();  // some other member
    const Token token = scanner.peek();
    if (name == "protocol" && token == Token::kString) {
      std::string text;
      if (!scanner.string(raw, escaped)) return not_json(scanner);
      if (!json::unescape(raw, escaped, text)) {
        return refused("InvalidOperationException: Cannot transcode invalid UTF-8 JSON text to UTF-16 string.");
      }
      protocol = std::move(text);
      continue;
    }
    const bool known = name == "protocol" || name == "version";
    const bool container = token == Token::kObject || token == Token::kArray;
    std::string_view value;
    if (!known || !container) {  // a known member that is a container is refused at its first character
      const auto whole = scanner.value();
      if (!whole) return not_json(scanner);
      value = *whole;
    }
    if (name == "protocol") return wrong_type(name, "String");
    if (name != "version") continue;
    if (token != Token::kNumber) return wrong_type(name, "Number");
    version = json::parse_int32(value);
    if (!version) {
      return refused(
          "FormatException: Either the JSON value is not in a supported format, or is out of bounds for an Int32.");
    }
  }
  if (scanner.failed()) return not_json(scanner);
  if (!protocol) return missing("protocol", record);
  if (!version) return missing("version", record);
  return HandshakeRequest{*std::move(protocol), *version};
}

Result<const HubProtocol*> choose_protocol(const HandshakeRequest& request,
                                           std::span<const HubProtocol* const> supported) {
  for (const HubProtocol* protocol : supported) {
    if (!equals_ignoring_case(protocol->name(), request.protocol)) continue;
    if (request.version <= protocol->version()) return protocol;
    return refused("The server does not support version " + std::to_string(request.version) + " of the '" +
                   request.protocol + "' protocol.");
  }
  return refused("The protocol '" + request.protocol + "' is not supported.");
}

std::string unsupported_transfer_format(const HubProtocol& protocol) {
  const std::string_view format = protocol.transfer_format() == TransferFormat::kBinary ? "Binary" : "Text";
  return std::string("Cannot use the '")
      .append(protocol.name())
      .append("' protocol on the current transport. The transport does not support '")
      .append(format)
      .append("' transfer format.");
}

Payload handshake_success() {
  thread_local const Payload success(std::string_view("{}\x1e"));
  return success;
}

Payload handshake_failure(std::string_view error) {
  std::string text = "{\"error\":";
  json::write_string(error, text);
  text += '}';
  text += kRecordSeparator;
  return Payload(text);
}

std::string handshake_request(std::string_view protocol, int version) {
  std::string text = "{\"protocol\":";
  json::write_string(protocol, text);
  text += ",\"version\":";
  json::write_integer(version, text);
  text += '}';
  text += kRecordSeparator;
  return text;
}

}  // namespace hubgate::hub
