#include "proxy/routing/negotiate_token.h"

#include <nlohmann/json.hpp>

#include "common/base/random.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;

namespace {

// As ASP.NET Core writes it.
const std::string kVersion1 =
    R"({"negotiateVersion":1,"connectionId":"m3oyQzJ2bV0QqfS9u1wT4g","connectionToken":"0cF2zT6Qy0mR9c3YdQk8Jw",)"
    R"("availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]}]})";

// The text with "<TAG>" before its token; without a token as it is; "!…" is an error.
std::string tagged(const std::string& json) {
  const auto place = find_negotiate_token(json);
  if (!place) return "!" + place.error().what;
  return *place ? json.substr(0, **place) + "<TAG>" + json.substr(**place) : json;
}

}  // namespace

TEST_CASE("the tag goes before the token of version 1, before the id of version 0, and every other byte stays",
          "[routing][negotiate]") {
  struct Row {
    std::string json;
    std::string expected;
  };
  const Row row = GENERATE(values<Row>({
      {kVersion1, std::string(kVersion1).insert(kVersion1.find("0cF2"), "<TAG>")},
      {R"({"negotiateVersion":0,"connectionId":"a"})", R"({"negotiateVersion":0,"connectionId":"<TAG>a"})"},
      {R"({"connectionId":"a","availableTransports":[]})", R"({"connectionId":"<TAG>a","availableTransports":[]})"},
      {R"({"negotiateVersion":null,"connectionId":"a"})", R"({"negotiateVersion":null,"connectionId":"<TAG>a"})"},
      {R"({"negotiateVersion":-1,"connectionId":"a"})", R"({"negotiateVersion":-1,"connectionId":"<TAG>a"})"},
      {R"({"connectionToken":"t","connectionId":"i","negotiateVersion":17})",
       R"({"connectionToken":"<TAG>t","connectionId":"i","negotiateVersion":17})"},
      // A version 0 that has a token all the same: clients take the id.
      {R"({"connectionToken":"t","connectionId":"i"})", R"({"connectionToken":"t","connectionId":"<TAG>i"})"},
      {" \t\r\n{ \"connectionId\" :\n\"\\u0041\\\"\" , \"x\" : -1.5e+3 } \r\n",
       " \t\r\n{ \"connectionId\" :\n\"<TAG>\\u0041\\\"\" , \"x\" : -1.5e+3 } \r\n"},
      {R"({"connection\u0049d":"a"})", R"({"connection\u0049d":"<TAG>a"})"},
      {R"({"\u0063\u006FnnectionId":"a"})", R"({"\u0063\u006FnnectionId":"<TAG>a"})"},
      {R"({"connectionId":""})", R"({"connectionId":"<TAG>"})"},
  }));
  CHECK(tagged(row.json) == row.expected);
}

TEST_CASE("only members of the outermost object count, by their whole name", "[routing][negotiate]") {
  const std::string good = R"("connectionId":"<TAG>i")";
  const auto other = GENERATE(as<std::string>{}, R"("x":{"connectionId":"no"})", R"("x":[{"connectionId":"no"}])",
                              R"("x":"\"connectionId\":\"no\"")", R"("ConnectionId":"no")", R"("connectionid":"no")",
                              R"("connectionId ":"no")", R"("connectionI":"no")", R"("connectionId\u0000":"no")",
                              R"("connection\nId":"no")", R"("\"connectionId":"no")", R"("connectionId\\":"no")",
                              R"("x":["connectionId"])", R"("x":{"url":"no","negotiateVersion":1}})");
  CAPTURE(other);
  const std::string expected_first = "{" + good + "," + other + "}";
  const std::string expected_last = "{" + other + "," + good + "}";
  const auto without = [](std::string text) { return text.erase(text.find("<TAG>"), 5); };
  if (other.ends_with("}}")) {  // one brace too many: no JSON
    CHECK(tagged(without(expected_first)) == "!the body is no JSON object");
    return;
  }
  CHECK(tagged(without(expected_first)) == expected_first);
  CHECK(tagged(without(expected_last)) == expected_last);
}

TEST_CASE("an answer without a token is passed on as it is", "[routing][negotiate]") {
  const auto json =
      GENERATE(as<std::string>{}, R"({"url":"https://other/hub","accessToken":"e.y.J"})",
               R"({"negotiateVersion":1,"url":"https://other","connectionToken":"t","connectionId":"i"})",
               R"({"error":"The client requested version '2', but the server does not support this version."})",
               R"({"negotiateVersion":1,"connectionId":"i"})", R"({"connectionId":null})", "{}", " { } ",
               R"({"ProtocolVersion":"1.5","x":[[],{},[1,2],{"a":{"b":[true,false,null]}}]})");
  CHECK(tagged(json) == json);
}

TEST_CASE("what clients may read differently is refused", "[routing][negotiate]") {
  const auto json = GENERATE(
      as<std::string>{}, R"({"connectionId":"a","connectionId":"b"})",
      R"({"connectionId":"a","connection\u0049d":"b"})",
      R"({"negotiateVersion":1,"connectionToken":"t","negotiateVersion":0,"connectionId":"i"})",
      R"({"negotiateVersion":1,"connectionToken":"t","connectionToken":null})",
      R"({"url":null,"url":"http://x","connectionId":"i"})", R"({"url":"","connectionId":"i"})",
      R"({"url":7,"connectionId":"i"})", R"({"negotiateVersion":"1","connectionToken":"t","connectionId":"i"})",
      R"({"negotiateVersion":true,"connectionToken":"t"})", R"({"negotiateVersion":1.0,"connectionToken":"t"})",
      R"({"negotiateVersion":0e1,"connectionId":"t"})", R"({"negotiateVersion":1,"connectionToken":5})",
      R"({"connectionId":["a"]})", R"({"connectionId":{"connectionId":"a"}})");
  CAPTURE(json);
  CHECK(tagged(json).starts_with("!"));
}

TEST_CASE("what is no JSON object is refused", "[routing][negotiate]") {
  const auto json = GENERATE(as<std::string>{}, "", " ", "null", "[]", R"("connectionId")", "<html>", "{", "}",
                             R"({"a"})", R"({"a":})", R"({"a":1,})", R"({,"a":1})", R"({"a":1 "b":2})", R"({"a":1}})",
                             R"({"a":1}x)", R"({"a":1}{"b":1})", R"({a:1})", R"({'a':1})", R"({"a":01})", R"({"a":+1})",
                             R"({"a":.5})", R"({"a":1.})", R"({"a":1e})", R"({"a":-})", R"({"a":tru})", R"({"a":True})",
                             R"({"a":NaN})", R"({"a":"\x41"})", R"({"a":"\u12G4"})", R"({"a":"\u12"})",
                             "{\"a\":\"\n\"}", "{\"a\":\"\x01\"}", R"({"a":[1,]})", R"({"a":[1 2]})", R"({"a":[})",
                             R"({"a":"})", "\xef\xbb\xbf{}", "{}\xef\xbb\xbf", "{/**/}", "{\"a\":1,\f\"b\":2}");
  CAPTURE(json);
  CHECK(tagged(json).starts_with("!"));
}

TEST_CASE("an answer that is cut anywhere is no answer", "[routing][negotiate]") {
  for (std::size_t length = 0; length < kVersion1.size(); ++length) {
    CAPTURE(length);
    CHECK(tagged(kVersion1.substr(0, length)).starts_with("!"));
  }
}

TEST_CASE("objects that are too deep are refused, not read with all of the stack", "[routing][negotiate]") {
  const auto nested = [](std::size_t depth) {
    return R"({"connectionId":"i","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CHECK(tagged(nested(31)).find("<TAG>") != std::string::npos);
  CHECK(tagged(nested(32)).starts_with("!"));
  CHECK(tagged(nested(60'000)).starts_with("!"));
  CHECK(tagged(R"({"x":)" + std::string(60'000, '[')).starts_with("!"));
}

TEST_CASE("what is read as an object is what another reader takes for one", "[routing][negotiate]") {
  SeededRandom random(7);
  const std::string bytes = "{}[]\",:\\u0019eE+-.tfn \n\x01/aA";
  std::size_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = R"({"a":[1,-2.5e3,{"b":"\u00e9\n"}],"c":true,"d":null,"e":"","connectionId":"x"})";
    for (std::uint64_t changes = random.below(3); changes > 0; --changes) {
      const std::size_t place = random.below(text.size());
      switch (random.below(3)) {
        case 0: text.erase(place, 1); break;
        case 1: text.insert(place, 1, bytes[random.below(bytes.size())]); break;
        default: text[place] = bytes[random.below(bytes.size())];
      }
    }
    CAPTURE(text);
    const bool is_object = nlohmann::json::accept(text) && nlohmann::json::parse(text).is_object();
    const auto place = find_negotiate_token(text);
    if (!place && place.error().what != "the body is no JSON object") continue;
    // Escapes of lone surrogates are the only thing that the two see differently.
    if (text.find("\\ud") != std::string::npos || text.find("\\uD") != std::string::npos) continue;
    REQUIRE(place.has_value() == is_object);
    good += is_object ? 1U : 0U;
    if (!place || !*place) continue;
    const std::string with_tag = std::string(text).insert(**place, "<TAG>");
    nlohmann::json expected = nlohmann::json::parse(text);
    expected["connectionId"] = "<TAG>" + expected["connectionId"].get<std::string>();
    REQUIRE(nlohmann::json::parse(with_tag) == expected);
  }
  CHECK(good > 5000);
}

TEST_CASE("a tag is taken off the id of a query, and every other byte stays", "[routing][negotiate]") {
  struct Row {
    std::string query;
    std::string expected;
  };
  const Row row = GENERATE(values<Row>({
      {"id=abcdREST", "id=REST"},
      {"id=abcd", "id="},
      {"id=abc", "id=abc"},  // not that long: not a tag
      {"a=1&id=abcdREST&access_token=x%2By", "a=1&id=REST&access_token=x%2By"},
      {"ID=abcdREST", "ID=REST"},
      {"%69d=abcdREST", "%69d=REST"},
      {"id=%61b%63dREST%41", "id=REST%41"},
      {"id=ab%cREST", "id=REST"},  // no triplet: its sign stands for itself, as for whoever looked it up
      {"xid=abcd&id=abcdR=&y", "xid=abcd&id=R=&y"},
      {"grid=abcd", "grid=abcd"},
      {"id", "id"},
      {"", ""},
      {"&&id=abcdR&&", "&&id=R&&"},
  }));
  CHECK(without_tag(row.query, 4) == row.expected);
}
