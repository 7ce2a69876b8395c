#include "hub/protocol/serialized_hub_message.h"

#include <limits>

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

std::string text_of(const SerializedHubMessage& message, const HubProtocol& protocol) {
  const EncodedMessage* encoded = message.for_protocol(protocol);
  return encoded == nullptr ? "(none)" : std::string(encoded->bytes.text());
}

std::string transcoded(const HubProtocol& from, const std::string& bytes, const HubProtocol& to) {
  const SerializedHubMessage::Entry entry{from.name(), bytes};
  return text_of(SerializedHubMessage(std::span(&entry, 1)), to);
}

std::string hex_transcoded(const std::string& json_text) {
  return test::to_hex(transcoded(kJson, json_text, kMessagePack));
}

}  // namespace

TEST_CASE("a message is encoded once for all receivers of a protocol", "[hub][protocol]") {
  const std::vector<Value> arguments = {"hi"};
  const SerializedHubMessage message(InvocationView{.target = "Notify", .arguments = arguments});
  const EncodedMessage* first = message.for_protocol(kJson);
  REQUIRE(first != nullptr);
  CHECK(first->bytes.text() == "{\"type\":1,\"target\":\"Notify\",\"arguments\":[\"hi\"]}\x1e");
  CHECK(test::to_hex(text_of(message, kMessagePack)) == "10960180c0a64e6f7469667991a2686990");
  CHECK(message.for_protocol(kJson) == first);
  CHECK(message.transcoded() == 0);
}

TEST_CASE("NaN is null in JSON and itself in MessagePack when it is sent to many", "[hub][protocol]") {
  const std::vector<Value> arguments = {std::numeric_limits<double>::quiet_NaN(), 1};
  const SerializedHubMessage message(InvocationView{.target = "M", .arguments = arguments});
  CHECK(text_of(message, kJson) == "{\"type\":1,\"target\":\"M\",\"arguments\":[null,1]}\x1e");
  CHECK(test::to_hex(text_of(message, kMessagePack)) == "12960180c0a14d92cbfff80000000000000190");
}

TEST_CASE("ready bytes are passed on as they are", "[hub][protocol]") {
  const SerializedHubMessage::Entry entries[] = {{"json", "J\x1e"}, {"messagepack", "M"}, {"other", "O"}};
  const SerializedHubMessage message{std::span(entries)};
  CHECK(text_of(message, kJson) == "J\x1e");
  CHECK(text_of(message, kMessagePack) == "M");
  CHECK(message.transcoded() == 0);
}

TEST_CASE("a protocol without an entry gets the other one's message in its own bytes", "[hub][protocol]") {
  CHECK(hex_transcoded("{\"type\":1,\"target\":\"Notify\",\"arguments\":[\"hi\"]}\x1e") ==
        "10960180c0a64e6f7469667991a2686990");
  CHECK(transcoded(kMessagePack, test::from_hex("10960180c0a64e6f7469667991a2686990"), kJson) ==
        "{\"type\":1,\"target\":\"Notify\",\"arguments\":[\"hi\"]}\x1e");
  // Client results keep their id, bytes become base64, times texts, keys text; numbers stay integers or become doubles.
  CHECK(
      transcoded(kMessagePack, test::from_hex("1d960180a27331a1419401c403010203d6ff65937d258105ca3f00000090"), kJson) ==
      "{\"type\":1,\"invocationId\":\"s1\",\"target\":\"A\",\"arguments\":[1,\"AQID\",\"2024-01-02T03:04:05Z\",{\"5\":"
      "0.5}]}\x1e");
  CHECK(hex_transcoded("{\"type\":1,\"target\":\"A\",\"arguments\":[1,1.5,18446744073709551615,{\"k\":null}]}\x1e") ==
        "1f960180c0a1419401cb3ff8000000000000cfffffffffffffffff81a16bc090");
}

TEST_CASE("several messages in one entry are all rewritten", "[hub][protocol]") {
  CHECK(hex_transcoded(
            "{\"type\":1,\"target\":\"A\",\"arguments\":[]}\x1e{\"type\":1,\"target\":\"B\",\"arguments\":[]}\x1e") ==
        "08960180c0a1419090"
        "08960180c0a1429090");
}

TEST_CASE("what cannot be decoded reaches nobody of the other protocol", "[hub][protocol]") {
  CHECK(transcoded(kJson, "nonsense\x1e", kMessagePack) == "(none)");
  CHECK(transcoded(kJson, "{\"type\":1,\"target\":\"A\",\"arguments\":[]}", kMessagePack) == "(none)");
  CHECK(transcoded(kJson, "", kMessagePack) == "(none)");
  CHECK(transcoded(kMessagePack, "\x02\x91\x06", kJson) == "(none)");
  const SerializedHubMessage::Entry unknown{"other", "O"};
  const SerializedHubMessage message(std::span(&unknown, 1));
  CHECK(message.for_protocol(kJson) == nullptr);
  CHECK(message.for_protocol(kJson) == nullptr);
  CHECK(message.transcoded() == 0);
}

TEST_CASE("rewriting is done once and counted", "[hub][protocol]") {
  const std::string json_text = "{\"type\":1,\"target\":\"A\",\"arguments\":[]}\x1e";
  const SerializedHubMessage::Entry entry{"json", json_text};
  const SerializedHubMessage message(std::span(&entry, 1));
  const EncodedMessage* first = message.for_protocol(kMessagePack);
  CHECK(first != nullptr);
  CHECK(message.for_protocol(kMessagePack) == first);
  CHECK(message.transcoded() == 1);
}
