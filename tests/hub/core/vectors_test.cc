#include <fstream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tests/hub/core/conversation_hub.h"
#include "tests/hub/core/hub_fixture.h"
#include "tests/support/catch.h"

// What ASP.NET Core SignalR servers said in handshakes and conversations, byte for byte.

namespace hubgate::test {
namespace {

using nlohmann::json;

json vectors_of(const std::string& name) {
  std::ifstream file("tests/data/vectors/" + name);
  return json::parse(file)["vectors"];
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

std::string text_of(const json& object, const char* name) { return object.value(name, std::string()); }

struct Conversations : HubFixture<ConversationHub> {
  explicit Conversations(bool detailed_errors)
      : HubFixture({.detailed_errors = detailed_errors}, [this] { return std::make_unique<ConversationHub>(timers); }) {
  }
};

/// Handshake vectors give sizes instead of bytes where a record is long.
std::string request_of(const json& vector) {
  if (vector.contains("request_hex")) return from_hex(vector["request_hex"]);
  const std::string note = vector["request_note"];
  const std::size_t size = std::stoul(note);
  if (note.find("letters a") != note.npos) return std::string(size, 'a');
  std::string request = "{\"protocol\":\"json\",\"version\":1";
  request += std::string(size - request.size() - 2, ' ');
  return request + "}\x1e";
}

/// The text of a JSON library's own complaint is not ours to copy.
std::string without_library_text(std::string text) {
  const std::size_t at = text.find("JsonReaderException: ");
  return at == text.npos ? text : text.substr(0, at + 21);
}

void check_handshake(const json& vector, const json& response, bool detailed_errors, std::size_t chunk) {
  CAPTURE(detailed_errors, chunk);
  Conversations hub(detailed_errors);
  TestClient client(hub.handler);
  client.attach();
  client.send_bytes(request_of(vector), chunk);
  hub.settle();
  std::string expected;
  std::optional<std::uint16_t> close;
  for (const json& message : response) {
    if (message.contains("close")) {
      close = message["close"].get<std::uint16_t>();
    } else {
      expected += from_hex(message["hex"]);
      const auto format = message["opcode"] == "binary" ? hub::TransferFormat::kBinary : hub::TransferFormat::kText;
      REQUIRE_FALSE(client.connection().formats().empty());
      CHECK(client.connection().formats().front() == format);
    }
  }
  CHECK(without_library_text(client.take_bytes()) == without_library_text(expected));
  CHECK(client.close_code() == close);
}

TEST_CASE("handshakes end as they do with ASP.NET Core", "[hub][handshake][vectors]") {
  const json vectors = vectors_of("handshake.json");
  REQUIRE(vectors.size() == 41);
  for (const json& vector : vectors) {
    INFO(vector["name"].get<std::string>());
    for (const std::size_t chunk : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
      if (chunk != 0 && request_of(vector).size() > 1000) continue;
      check_handshake(vector, vector["response"], false, chunk);
      check_handshake(vector, vector.value("response_with_detailed_errors", vector["response"]), true, chunk);
    }
  }
}

/// Conversations about what does not exist yet (streams, uploads, client results, policies, stateful reconnect), and
/// those that the vectors' README exempts. mp_nan: our NaN always has the sign of .NET's, in an echo too.
bool is_ours(const std::string& name) {
  for (const char* part : {"stream_", "upload", "client_result", "reconnect", "gate", "unauthorized", "no_stream_ids",
                           "mp_headers_nil", "mp_nested_untyped", "mp_nan", "not_serializable_detailed"}) {
    if (name.find(part) != name.npos) {
      // Errors E and F are answered already.
      return name.starts_with("stream_ids_not_expected") || name == "mp_case_in_stream_error" ||
             name.starts_with("unknown_method_stream");
    }
  }
  return name != "stream" && name != "stream_detailed" && name != "mp_stream" && !name.starts_with("cancel_stream");
}

TEST_CASE("conversations run as they do with ASP.NET Core", "[hub][vectors]") {
  std::size_t count = 0;
  for (const json& vector : vectors_of("conversations.json")) {
    const std::string name = vector["name"];
    if (!is_ours(name)) continue;
    ++count;
    INFO(name);
    Conversations hub(text_of(vector, "note").find("detailed errors on") != std::string::npos);
    TestClient client(hub.handler);
    REQUIRE(client.connect(vector["protocol"].get<std::string>()));
    std::string expected;
    std::optional<std::uint16_t> close;
    for (const json& event : vector["events"]) {
      if (event.contains("send")) client.send_bytes(from_hex(event["send"]));
      if (event.contains("recv")) expected += from_hex(event["recv"]);
      if (event.contains("close")) close = event["close"].get<std::uint16_t>();
      hub.settle();
    }
    hub.advance(std::chrono::milliseconds(500));
    CHECK(client.take_bytes() == expected);
    CHECK(client.close_code() == close);
  }
  CHECK(count == 57);
}

}  // namespace
}  // namespace hubgate::test
