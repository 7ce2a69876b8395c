// What is the same for both protocols or stands in no vector: sizes, depth, hostile bytes.
#include "hub/protocol/hub_protocol.h"

#include "hub/protocol/binary_message.h"
#include "hub/protocol/json_hub_protocol.h"
#include "hub/protocol/messagepack_hub_protocol.h"
#include "tests/hub/protocol/vectors.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::hub;
using namespace std::string_literals;

namespace {

const JsonHubProtocol kJson;
const MessagePackHubProtocol kMessagePack;

constexpr std::string_view kTooLarge =
    "InvalidDataException: The maximum message size of 32768B was exceeded. The message size can be configured in "
    "AddHubOptions.";

// The message's raw views live until the next call.
ParseResult parsed(const HubProtocol& protocol, std::string bytes, HubMessage& message) {
  static std::string kept;
  kept = std::move(bytes);
  ParseState state;
  return protocol.parse(as_bytes(kept), state, message);
}

std::string violation(const HubProtocol& protocol, const std::string& bytes) {
  HubMessage message;
  const ParseResult result = parsed(protocol, bytes, message);
  return result.status == ParseStatus::kViolation ? result.violation : "(none)";
}

std::string ping_of(std::size_t size) {
  std::string text = "{\"type\":6}\x1e";
  text.insert(1, size - text.size(), ' ');
  return text;
}

std::string frame(std::string body) {
  std::string out;
  append_length_prefix(body.size(), out);
  return out + body;
}

}  // namespace

TEST_CASE("a JSON message may be 32,768 bytes long with its separator, not one more", "[hub][protocol]") {
  HubMessage message;
  CHECK(parsed(kJson, ping_of(32768), message).status == ParseStatus::kMessage);
  CHECK(violation(kJson, ping_of(32769)) == kTooLarge);
  CHECK(parsed(kJson, std::string(32768, ' '), message).status == ParseStatus::kNeedMore);
  CHECK(violation(kJson, std::string(32769, ' ')) == kTooLarge);
  // Later messages in the same bytes do not count.
  CHECK(parsed(kJson, ping_of(100) + std::string(40000, ' '), message).status == ParseStatus::kMessage);
  ParseState unlimited{.max_message = 0};
  CHECK(kJson.parse(as_bytes(ping_of(1'000'000)), unlimited, message).status == ParseStatus::kMessage);
}

TEST_CASE("a MessagePack message is too large as soon as its length says so", "[hub][protocol]") {
  HubMessage message;
  CHECK(parsed(kMessagePack, frame("\x91\x06" + std::string(32763, 'x')), message).status == ParseStatus::kMessage);
  CHECK(violation(kMessagePack, frame("\x91\x06" + std::string(32764, 'x'))) == kTooLarge);
  CHECK(violation(kMessagePack, "\xff\xff\xff\xff\x07") == kTooLarge);
  CHECK(parsed(kMessagePack, "\xfd\xff\x01"s, message).status == ParseStatus::kNeedMore);
}

TEST_CASE("length prefixes are written short and read in any form", "[hub][protocol]") {
  const auto prefix = [](std::size_t length) {
    std::string out;
    append_length_prefix(length, out);
    return test::to_hex(out);
  };
  CHECK(prefix(0) == "00");
  CHECK(prefix(5) == "05");
  CHECK(prefix(127) == "7f");
  CHECK(prefix(128) == "8001");
  CHECK(prefix(300) == "ac02");
  CHECK(prefix(2147483647) == "ffffffff07");
  const auto read = [](const std::string& hex) { return read_length_prefix(as_bytes(test::from_hex(hex))); };
  CHECK(read("8200").message == 2);
  CHECK(read("8200").prefix == 2);
  CHECK(read("8280808000").message == 2);
  CHECK(read("ffffffff07").message == 2147483647);
  CHECK(read("ffffffff08").status == LengthStatus::kTooLarge);
  CHECK(read("ffffffff87").status == LengthStatus::kTooLarge);
  CHECK(read("8080808080").status == LengthStatus::kTooLarge);
  CHECK(read("80808080").status == LengthStatus::kNeedMore);
  CHECK(read("").status == LengthStatus::kNeedMore);
}

TEST_CASE("invalid text in a target or an id ends the connection, elsewhere it does not", "[hub][protocol]") {
  CHECK(violation(kJson, "{\"type\":1,\"target\":\"\xff\",\"arguments\":[]}\x1e")
            .starts_with("InvalidOperationException: "));
  CHECK(violation(kJson, "{\"type\":5,\"invocationId\":\"\\ud800\"}\x1e").starts_with("InvalidOperationException: "));
  CHECK(violation(kJson, "{\"type\":6,\"x\":\"\xff\",\"\xfe\":1,\"\\ud800\":2}\x1e") == "(none)");
  HubMessage message;
  REQUIRE(parsed(kJson, "{\"type\":1,\"target\":\"Echo\",\"arguments\":[\"\xff\",\"\\ud800\"]}\x1e", message).status ==
          ParseStatus::kMessage);
  Value value;
  CHECK_FALSE(kJson.read_value(message.arguments.at(0), value));
  CHECK_FALSE(kJson.read_value(message.arguments.at(1), value));
}

TEST_CASE("of several faults in a record the first in the text counts", "[hub][protocol]") {
  CHECK(violation(kJson, "{\"target\":1,\"type\":6}\x1e") ==
        "InvalidDataException: Expected 'target' to be of type String.");
  CHECK(violation(kJson, "{\"type\":6,\"target\":[,\"x\x1e") ==
        "InvalidDataException: Expected 'target' to be of type String.");
  CHECK(violation(kJson, "{\"type\":6,\"target\":tru}\x1e") == "InvalidDataException: Error reading JSON.");
  CHECK(violation(kJson, "{\"type\":6,\"allowReconnect\":null}\x1e") ==
        "InvalidDataException: Expected 'allowReconnect' to be true or false.");
  CHECK(violation(kJson, "{\"type\":1,\"target\":\"x\",\"arguments\":[1,,2]}\x1e") ==
        "InvalidDataException: Error reading JSON.");
  CHECK(violation(kJson, "{\"type\":1,\"streamIds\":[{}]}\x1e") ==
        "InvalidOperationException: Cannot get the value of a token type 'StartObject' as a string.");
}

TEST_CASE("a message object is clean again for every message", "[hub][protocol]") {
  HubMessage message;
  REQUIRE(parsed(kJson,
                 "{\"type\":3,\"headers\":{\"a\":\"b\"},\"invocationId\":\"1\",\"error\":\"x\",\"streamIds\":[\"1\"],"
                 "\"arguments\":[1],\"target\":\"t\",\"allowReconnect\":true,\"sequenceId\":5}\x1e",
                 message)
              .status == ParseStatus::kMessage);
  REQUIRE(parsed(kJson, "{\"type\":6}\x1e", message).status == ParseStatus::kMessage);
  CHECK(message.invocation_id.empty());
  CHECK(message.target.empty());
  CHECK(message.arguments.empty());
  CHECK(message.stream_ids.empty());
  CHECK(message.headers.empty());
  CHECK_FALSE(message.error);
  CHECK_FALSE(message.allow_reconnect);
  CHECK(message.sequence_id == 0);
}

TEST_CASE("hostile MessagePack fails one call or the connection, never more", "[hub][protocol]") {
  HubMessage message;
  Value value;
  // 600 levels: the frame is sound, the argument is not taken.
  const std::string deep =
      "\x96\x01\x80\xa1q\xa4"
      "Echo\x91" +
      std::string(600, '\x91') + "\x01\x90";
  REQUIRE(parsed(kMessagePack, frame(deep), message).status == ParseStatus::kMessage);
  CHECK_FALSE(kMessagePack.read_value(message.arguments.at(0), value));
  // 30,000 levels: skipping does not recurse.
  const std::string deeper =
      "\x96\x01\x80\xa1q\xa4"
      "Echo\x91" +
      std::string(30000, '\x91') + "\x01\x90";
  CHECK(parsed(kMessagePack, frame(deeper), message).status == ParseStatus::kMessage);
  // A text that claims more than the frame has.
  REQUIRE(parsed(kMessagePack,
                 frame("\x95\x01\x80\xa1q\xa1"
                       "E\x91\xdb\xff\xff\xff\xff"),
                 message)
              .status == ParseStatus::kMessage);
  CHECK(message.arguments_error == kBindingFailed);
  CHECK(message.arguments.empty());
  // A result that is cut short is there, and cannot be bound.
  REQUIRE(parsed(kMessagePack, frame("\x95\x03\x80\xa1q\x03"s), message).status == ParseStatus::kMessage);
  CHECK(message.has_value);
  CHECK_FALSE(kMessagePack.read_value(message.value, value));
  CHECK(violation(kMessagePack, frame("\x95\x01\xdf\xff\xff\xff\xff\xa1x")) ==
        "InvalidDataException: Reading map length for 'headers' failed.");
}

TEST_CASE("every prefix of a MessagePack frame that says it is whole is refused or read, without a read too far",
          "[hub][protocol]") {
  for (const auto& vector : test::load_vectors("messagepack_hub_protocol.json")) {
    if (!vector.contains("hex") || vector["hex"].is_null()) continue;
    const std::string bytes = test::from_hex(vector["hex"].get<std::string>());
    const LengthPrefix length = read_length_prefix(as_bytes(bytes));
    if (length.status != LengthStatus::kComplete || bytes.size() > 2000) continue;
    const std::string body = bytes.substr(length.prefix);
    for (std::size_t cut = 0; cut < body.size(); ++cut) {
      HubMessage message;
      const std::string part = frame(body.substr(0, cut));
      const ParseResult result = parsed(kMessagePack, part, message);
      REQUIRE(result.status != ParseStatus::kNeedMore);
      if (result.status != ParseStatus::kMessage) continue;
      Value value;
      for (const std::string_view argument : message.arguments) {
        (void)kMessagePack.read_value(argument, value);
      }
    }
  }
}

TEST_CASE("headers may be nil in MessagePack", "[hub][protocol]") {
  HubMessage message;
  const std::string bytes = test::from_hex("0d9601c0a171a44563686f910190");
  REQUIRE(parsed(kMessagePack, bytes.substr(0, 13) + "\x90", message).status == ParseStatus::kMessage);
  CHECK(message.headers.empty());
  CHECK(message.target == "Echo");
}

TEST_CASE("standard protocols are found by their exact names", "[hub][protocol]") {
  REQUIRE(find_standard_protocol("json") != nullptr);
  CHECK(find_standard_protocol("json")->transfer_format() == TransferFormat::kText);
  CHECK(find_standard_protocol("messagepack")->transfer_format() == TransferFormat::kBinary);
  CHECK(find_standard_protocol("JSON") == nullptr);
}
