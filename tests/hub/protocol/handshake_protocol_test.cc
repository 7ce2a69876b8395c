#include "hub/protocol/handshake_protocol.h"

#include <array>

#include "hub/protocol/record.h"
#include "tests/hub/protocol/vectors.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::hub;
using namespace std::string_literals;

namespace {

constexpr std::size_t kMaxHandshake = 32 * 1024;  // SignalR's default

const std::array<const HubProtocol*, 2> kProtocols = {find_standard_protocol("json"),
                                                      find_standard_protocol("messagepack")};

// What the server answers to these bytes; nothing while it waits for more.
std::string answer(const std::string& bytes, bool detailed_errors) {
  std::size_t scanned = 0;
  const auto record = cut_record(as_bytes(bytes), kMaxHandshake, scanned);
  if (!record) return std::string(handshake_failure(kHandshakeCanceled).text());
  if (!*record) return {};
  const auto request = parse_handshake_request(**record);
  if (!request) {
    std::string text(kHandshakeFailed);
    if (detailed_errors) text += " " + request.error().what;
    return std::string(handshake_failure(text).text());
  }
  const auto protocol = choose_protocol(*request, kProtocols);
  return std::string(protocol ? handshake_success().text() : handshake_failure(protocol.error().what).text());
}

std::string padded(std::size_t size) {
  std::string request = R"({"protocol":"json","version":1})";
  request.insert(request.size() - 1, size - 1 - request.size(), ' ');
  return request + "\x1e";
}

}  // namespace

TEST_CASE("handshakes are answered with ASP.NET Core's bytes", "[hub][handshake][vectors]") {
  int count = 0;
  for (const auto& vector : test::load_vectors("handshake.json")) {
    const auto name = vector.at("name").get<std::string>();
    CAPTURE(name);
    std::string request;
    if (vector.contains("request_hex")) {
      request = test::from_hex(vector["request_hex"].get<std::string>());
    } else if (name == "no_separator_32769") {
      request = std::string(32769, 'a');
    } else {
      request = padded(static_cast<std::size_t>(std::stoul(name.substr(5))));  // size_N
    }
    const auto expected = test::from_hex(vector.at("response").at(0).at("hex").get<std::string>());
    const auto first_record = expected.substr(0, expected.find('\x1e') + 1);
    CHECK(answer(request, false) == first_record);
    if (vector.contains("response_with_detailed_errors")) {
      const auto text = test::from_hex(vector["response_with_detailed_errors"].at(0).at("hex").get<std::string>());
      const auto detailed = text.substr(0, text.find('\x1e') + 1);
      // The JSON library's own words are not ours to repeat, their label is.
      const auto label = detailed.find("JsonReaderException: ");
      if (label == std::string::npos) {
        CHECK(answer(request, true) == detailed);
      } else {
        CHECK(answer(request, true).substr(0, label + 21) == detailed.substr(0, label + 21));
      }
    }
    ++count;
  }
  CHECK(count >= 40);
}

TEST_CASE("a handshake cut anywhere is waited for", "[hub][handshake]") {
  const std::string whole = "{\"protocol\":\"messagepack\",\"version\":1}\x1e";
  std::size_t scanned = 0;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::string part = whole.substr(0, cut);
    const auto record = cut_record(as_bytes(part), kMaxHandshake, scanned);
    REQUIRE(record);
    REQUIRE_FALSE(*record);
  }
  const std::string with_rest = whole + "rest";
  const auto record = cut_record(as_bytes(with_rest), kMaxHandshake, scanned);
  REQUIRE(record);
  REQUIRE(*record);
  CHECK(**record == whole.substr(0, whole.size() - 1));
}

TEST_CASE("no prefix of a request is taken for one", "[hub][handshake]") {
  const std::string whole = R"({"x":{"y":[1,"\u0041"]},"protocol":"json","version":1})";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::string part = whole.substr(0, cut);
    CHECK_FALSE(parse_handshake_request(part));
  }
  const auto request = parse_handshake_request(whole);
  REQUIRE(request);
  CHECK(request->protocol == "json");
  CHECK(request->version == 1);
}

TEST_CASE("a member of a wrong type is refused before what stands behind it", "[hub][handshake]") {
  CHECK(parse_handshake_request(R"({"version":[1)").error().what ==
        "InvalidDataException: Expected 'version' to be of type Number.");
  CHECK(parse_handshake_request(R"({"protocol":{},"version":"x"})").error().what ==
        "InvalidDataException: Expected 'protocol' to be of type String.");
  CHECK(parse_handshake_request(R"({"protocol":nope)").error().what.starts_with("JsonReaderException: "));
}

TEST_CASE("a transport that carries text only says so in SignalR's words", "[hub][handshake]") {
  CHECK(unsupported_transfer_format(*kProtocols[1]) ==
        "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' "
        "transfer format.");
}

TEST_CASE("the client's request reads back", "[hub][handshake]") {
  const std::string text = handshake_request("json", 2);
  CHECK(text == "{\"protocol\":\"json\",\"version\":2}\x1e"s);
}

TEST_CASE("records come out the same however the network cuts the stream", "[hub][records]") {
  const auto chunk = GENERATE(1u, 2u, 7u, 31u, 32u, 33u, 1000u);
  CAPTURE(chunk);
  const std::string stream = "{\"type\":6}\x1e\x1e{\"type\":1}\x1e{\"ty";
  std::size_t scanned = 0;
  std::vector<std::string> records;
  std::string unread;
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    unread += stream.substr(at, chunk);
    while (true) {
      const auto record = cut_record(as_bytes(unread), 100, scanned);
      REQUIRE(record);
      if (!*record) break;
      records.emplace_back(**record);
      unread.erase(0, records.back().size() + 1);
    }
  }
  CHECK(records == std::vector<std::string>{"{\"type\":6}", "", "{\"type\":1}"});
  CHECK(unread == "{\"ty");
}

TEST_CASE("a record over the limit fails as soon as its bytes are there", "[hub][records]") {
  const auto fits = [](const std::string& text, std::size_t limit) {
    std::size_t scanned = 0;
    return static_cast<bool>(cut_record(as_bytes(text), limit, scanned));
  };
  CHECK(fits("123456789\x1e", 10));
  CHECK(fits("1234567890", 10));
  CHECK_FALSE(fits("12345678901", 10));
  CHECK_FALSE(fits("1234567890\x1e", 10));
  CHECK(
      fits("1234\x1e"
           "5678901234567890",
           10));
  CHECK(fits(std::string(100000, 'x') + "\x1e", 0));
  std::size_t scanned = 0;
  CHECK(cut_record(as_bytes("12345678901"), 10, scanned).error().code == ErrorCode::kTooLarge);
}
