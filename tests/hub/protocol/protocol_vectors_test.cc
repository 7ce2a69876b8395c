// Both hub protocols against the bytes of ASP.NET Core: everything it writes is written, everything it reads is read.
#include <algorithm>
#include <cmath>
#include <set>

#include "hub/protocol/hub_protocol.h"
#include "tests/hub/protocol/probe.h"
#include "tests/hub/protocol/vectors.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::test;
using hub::HubMessage;
using hub::HubProtocol;
using hub::MessageType;
using hub::ParseState;
using hub::ParseStatus;
using nlohmann::json;

namespace {

std::string member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? std::string() : found->get<std::string>();
}

hub::MessageHeaders headers_of(const json& message) {
  hub::MessageHeaders headers;
  if (message.contains("headers")) {
    for (const auto& [name, value] : message["headers"].items()) headers.emplace_back(name, value.get<std::string>());
  }
  return headers;
}

// Values whose notation loses what .NET wrote.
Value value_in(const std::string& vector, const std::string& notation) {
  if (vector == "value_dto_neg") return to_value(parse_date_time_offset("2024-01-02T03:04:05.06-05:30").value());
  if (vector == "value_lone_surrogate")
    return Value(
        "a\xff"
        "b");  // UTF-8 has no halves of pairs; this is what ours is like
  if (vector == "value_anonymous") return Value::object({{"FirstName", "x"}, {"n", 1}});
  if (vector == "value_dateonly") return Value(TwoForms{{Value("2024-01-02"), Value(738886)}});
  if (vector == "value_timeonly") return Value(TwoForms{{Value("03:04:05"), Value(110450000000)}});
  return value_of(notation);
}

Result<Payload> written(const HubProtocol& protocol, const std::string& vector, const json& meaning) {
  const std::string id = member(meaning, "invocationId");
  const hub::MessageHeaders headers = headers_of(meaning);
  std::vector<Value> arguments;
  for (const auto& argument : meaning.value("arguments", json::array())) {
    arguments.push_back(value_in(vector, argument.get<std::string>()));
  }
  const auto stream_ids = meaning.value("streamIds", std::vector<std::string>());
  const auto type = static_cast<MessageType>(meaning.at("type").get<int>());
  switch (type) {
    case MessageType::kInvocation:
    case MessageType::kStreamInvocation: {
      const std::string target = meaning.at("target").get<std::string>();
      hub::InvocationView invocation{.target = target,
                                     .arguments = arguments,
                                     .invocation_id = id,
                                     .headers = &headers,
                                     .is_stream = type == MessageType::kStreamInvocation};
      if (meaning.contains("streamIds") && !meaning["streamIds"].is_null()) invocation.stream_ids = stream_ids;
      return protocol.write_invocation(invocation);
    }
    case MessageType::kStreamItem:
      return protocol.write_stream_item(id, value_in(vector, meaning.at("item").get<std::string>()), &headers);
    case MessageType::kCompletion: {
      const std::string error = member(meaning, "error");
      hub::CompletionView completion{.invocation_id = id, .headers = &headers};
      if (meaning.contains("error") && !meaning["error"].is_null()) completion.error = error;
      Value result;
      if (meaning.at("hasResult").get<bool>()) {
        result = value_in(vector, meaning.at("result").get<std::string>());
        completion.result = &result;
      }
      return protocol.write_completion(completion);
    }
    case MessageType::kCancelInvocation: return protocol.write_cancel(id, &headers);
    case MessageType::kPing: return protocol.write_ping();
    case MessageType::kClose: {
      const std::string error = member(meaning, "error");
      const std::string_view view = error;
      const bool has_error = meaning.contains("error") && !meaning["error"].is_null();
      return protocol.write_close(has_error ? &view : nullptr, meaning.at("allowReconnect").get<bool>());
    }
    case MessageType::kAck: return protocol.write_ack(meaning.at("sequenceId").get<std::int64_t>());
    case MessageType::kSequence: return protocol.write_sequence(meaning.at("sequenceId").get<std::int64_t>());
  }
  return make_error(ErrorCode::kInternal, "no such type");
}

// Equal as values of the same protocol; an untyped JSON value is compared as it would be written again.
void check_value(const HubProtocol& protocol, const std::string& notation, const Value& value) {
  CAPTURE(notation);
  if (notation.starts_with("json ")) {
    const auto text = protocol.write_value(value);
    REQUIRE(text);
    CHECK(*text == notation.substr(5));
    return;
  }
  const Value expected = value_of(notation);
  if (const auto* number = expected.get_if<double>(); number != nullptr && std::isnan(*number)) {
    const auto* read = value.get_if<double>();
    REQUIRE(read != nullptr);
    CHECK(std::isnan(*read));
    return;
  }
  CHECK(value == expected);
}

void check_message(const HubProtocol& protocol, const HubMessage& message, const json& expected) {
  if (expected.contains("bindingFailure")) {
    if (expected["bindingFailure"] == "stream") {
      CHECK(message.type == MessageType::kStreamItem);
      CHECK(message.invocation_id == expected.at("id").get<std::string>());
      Value item;
      const bool unknown_id = message.invocation_id == "unknownid";
      CHECK((unknown_id || !bind_item(protocol, message, item)));
      return;
    }
    CHECK(message.invocation_id == member(expected, "invocationId"));
    CHECK(message.target == expected.at("target").get<std::string>());
    CHECK(bind_call(protocol, message).failure == expected.at("error").get<std::string>());
    return;
  }
  CHECK(static_cast<int>(message.type) == expected.at("type").get<int>());
  CHECK(message.invocation_id == member(expected, "invocationId"));
  CHECK(message.headers == headers_of(expected));
  CHECK(message.stream_ids == expected.value("streamIds", std::vector<std::string>()));
  switch (message.type) {
    case MessageType::kInvocation:
    case MessageType::kStreamInvocation: {
      CHECK(message.target == expected.at("target").get<std::string>());
      const Bound bound = bind_call(protocol, message);
      CHECK(bound.failure.empty());
      const auto arguments = expected.at("arguments").get<std::vector<std::string>>();
      REQUIRE(bound.arguments.size() == arguments.size());
      for (std::size_t i = 0; i < arguments.size(); ++i) check_value(protocol, arguments[i], bound.arguments[i]);
      break;
    }
    case MessageType::kStreamItem: {
      Value item;
      REQUIRE(bind_item(protocol, message, item));
      check_value(protocol, expected.at("item").get<std::string>(), item);
      break;
    }
    case MessageType::kCompletion: {
      CHECK(message.has_value == expected.at("hasResult").get<bool>());
      const bool has_error = expected.contains("error") && !expected["error"].is_null();
      CHECK(message.error.has_value() == has_error);
      if (has_error) CHECK(*message.error == expected["error"].get<std::string>());
      if (message.has_value) {
        Value result;
        REQUIRE(protocol.read_value(message.value, result));
        check_value(protocol, expected.at("result").get<std::string>(), result);
      }
      break;
    }
    case MessageType::kClose:
      CHECK(message.error.value_or("") == member(expected, "error"));
      CHECK(message.allow_reconnect == expected.at("allowReconnect").get<bool>());
      break;
    case MessageType::kAck:
    case MessageType::kSequence: CHECK(message.sequence_id == expected.at("sequenceId").get<std::int64_t>()); break;
    case MessageType::kCancelInvocation:
    case MessageType::kPing: break;
  }
}

// The texts of .NET's own libraries are not ours to repeat; what stands before them is.
std::string own_part(const std::string& error) { return error.substr(0, error.find(" <- ")); }

void check_decode(const HubProtocol& protocol, const json& vector) {
  const std::string bytes = from_hex(vector.at("hex").get<std::string>());
  Bytes rest = as_bytes(bytes);
  ParseState state;
  HubMessage message;
  std::string error;
  std::size_t next = 0;
  const json& messages = vector.at("messages");
  while (!rest.empty()) {
    const hub::ParseResult result = protocol.parse(rest, state, message);
    if (result.status == ParseStatus::kNeedMore) break;
    if (result.status == ParseStatus::kViolation) {
      error = result.violation;
      break;
    }
    if (result.status == ParseStatus::kMessage) {
      REQUIRE(next < messages.size());
      check_message(protocol, message, messages[next++]);
    }
    rest = rest.subspan(result.taken);
  }
  CHECK(next == messages.size());
  CHECK(error == own_part(member(vector, "error")));
  if (error.empty()) CHECK(rest.size() == vector.value("bytes_left", std::size_t{0}));
}

// Where the specification says what ours does instead (the README of the vectors names them).
const std::set<std::string> kExemptFromDecoding = {"in_headers_nil", "in_lone_surrogate", "in_invalid_utf8"};
const std::set<std::string> kOtherWidths = {"arg_dict", "arg_array"};

}  // namespace

TEST_CASE("everything that ASP.NET Core writes is written with the same bytes", "[hub][protocol][vectors]") {
  const auto [name, file] = GENERATE(table<std::string, std::string>(
      {{"json", "json_hub_protocol.json"}, {"messagepack", "messagepack_hub_protocol.json"}}));
  const HubProtocol& protocol = *hub::find_standard_protocol(name);
  int count = 0;
  for (const json& vector : load_vectors(file)) {
    if (vector.at("role") != "encode") continue;
    ++count;
    const std::string vector_name = vector.at("name").get<std::string>();
    CAPTURE(name, vector_name);
    if (vector_name == "completion_raw") {
      const auto bytes = protocol.write_completion({.invocation_id = "1", .raw_result = name == "json" ? "7" : "\x37"});
      REQUIRE(bytes);
      CHECK(to_hex(bytes->text()) == vector.at("hex").get<std::string>());
      continue;
    }
    const auto bytes = written(protocol, vector_name, vector.at("meaning"));
    CHECK(bytes.has_value() != vector.contains("error"));
    if (!bytes || vector.contains("error")) continue;
    if (name == "messagepack" && kOtherWidths.contains(vector_name)) continue;
    CHECK(to_hex(bytes->text()) == vector.at("hex").get<std::string>());
  }
  CHECK(count > 100);
}

TEST_CASE("everything that ASP.NET Core reads is read the same, and refused in the same words",
          "[hub][protocol][vectors]") {
  const auto [name, file] = GENERATE(table<std::string, std::string>(
      {{"json", "json_hub_protocol.json"}, {"messagepack", "messagepack_hub_protocol.json"}}));
  const HubProtocol& protocol = *hub::find_standard_protocol(name);
  int count = 0;
  for (const json& vector : load_vectors(file)) {
    if (vector.at("role") != "decode") continue;
    ++count;
    const std::string vector_name = vector.at("name").get<std::string>();
    if (kExemptFromDecoding.contains(vector_name)) continue;
    CAPTURE(name, vector_name);
    check_decode(protocol, vector);
  }
  CHECK(count > 100);
}

TEST_CASE("containers of untyped values are equal in value where their integers have other widths",
          "[hub][protocol][vectors]") {
  const HubProtocol& protocol = *hub::find_standard_protocol("messagepack");
  for (const json& vector : load_vectors("messagepack_hub_protocol.json")) {
    const std::string vector_name = vector.at("name").get<std::string>();
    if (!kOtherWidths.contains(vector_name)) continue;
    CAPTURE(vector_name);
    const std::string bytes = from_hex(vector.at("hex").get<std::string>());
    HubMessage message;
    ParseState state;
    REQUIRE(protocol.parse(as_bytes(bytes), state, message).status == ParseStatus::kMessage);
    Value value;
    REQUIRE(protocol.read_value(message.arguments.at(0), value));
    CHECK(value == value_of(vector.at("meaning").at("arguments").at(0).get<std::string>()));
  }
}

TEST_CASE("a message cut anywhere is asked for again and then read", "[hub][protocol][vectors]") {
  const auto [name, file] = GENERATE(table<std::string, std::string>(
      {{"json", "json_hub_protocol.json"}, {"messagepack", "messagepack_hub_protocol.json"}}));
  const HubProtocol& protocol = *hub::find_standard_protocol(name);
  for (const json& vector : load_vectors(file)) {
    if (vector.at("role") != "decode" || vector.contains("error") || vector.at("messages").size() != 1) continue;
    const std::string bytes = from_hex(vector.at("hex").get<std::string>());
    if (vector.contains("bytes_left")) continue;
    CAPTURE(vector.at("name").get<std::string>());
    ParseState state;
    HubMessage message;
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::string part = bytes.substr(0, cut);  // a copy, so that a sanitizer sees every read too far
      REQUIRE(protocol.parse(as_bytes(part), state, message).status == ParseStatus::kNeedMore);
    }
    const auto whole = protocol.parse(as_bytes(bytes), state, message);
    REQUIRE(whole.status == ParseStatus::kMessage);
    REQUIRE(whole.taken == bytes.size());
  }
}
