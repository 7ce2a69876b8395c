#include "hub/protocol/json.h"

#include <string>
#include <vector>

#include "hub/protocol/json_writer.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::hub;
using namespace std::string_literals;

namespace {

bool is_json(const std::string& text) {
  json::Scanner scanner(text);
  return scanner.value().has_value() && scanner.peek() == json::Token::kEnd;
}

std::string rewritten(const std::string& text) {
  Value value;
  if (!json::read_value(text, value)) return "(refused)";
  std::string out;
  return json::write_value(value, {}, out) ? out : "(unwritable)";
}

std::string nested(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

}  // namespace

TEST_CASE("the scanner takes what is JSON", "[hub][json]") {
  const auto text = GENERATE(as<std::string>{}, "null", "true", "false", "0", "-0", "12", "-1.5e+10", "1E5", "0.1",
                             "\"\"", R"("a\"\\\/\b\f\n\r\tA\uD83D\ude00")", "[]", "{}", "[1,[2,{}],\"x\"]",
                             R"({"a":1,"a":2,"b":{"c":[]}})", " \t\r\n[ 1 , 2 ] ", "\"\x7f\xc3\xa9\"", "\"]}\"");
  CAPTURE(text);
  CHECK(is_json(text));
}

TEST_CASE("the scanner refuses what is not", "[hub][json]") {
  const auto text =
      GENERATE(as<std::string>{}, "", " ", "nul", "nulll", "True", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1",
               "\"", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\u123", "\"\\", "\"a\nb\"", "\"a\tb\"", "[", "[1", "[1,",
               "[1,]", "[,1]", "[1 2]", "]", "{", "{}}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
               "{a:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{1:2}", "[1}", "{\"a\":1]", "/*x*/1", "1 //x",
               "\xef\xbb\xbf{}", "'a'", "NaN", "Infinity", "[1]x");
  CAPTURE(text);
  CHECK_FALSE(is_json(text));
  Value value;
  CHECK_FALSE(json::read_value(text, value));
}

TEST_CASE("64 levels are read, 65 are not, and a million cost nothing", "[hub][json]") {
  CHECK(is_json(nested(64)));
  CHECK_FALSE(is_json(nested(65)));
  CHECK_FALSE(is_json(std::string(1'000'000, '[')));
  Value value;
  CHECK(json::read_value(nested(64), value));
  CHECK_FALSE(json::read_value(nested(65), value));
  std::string objects;
  for (int i = 0; i < 65; ++i) objects += "{\"a\":";
  CHECK_FALSE(is_json(objects + "1" + std::string(65, '}')));
}

TEST_CASE("JSON that is cut anywhere is refused without a read too far", "[hub][json]") {
  const std::string whole = R"({"a\n":[1.5e3,true,null,{"b":"A😀"}],"c":false,"d":-12})";
  REQUIRE(is_json(whole));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::vector<char> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    json::Scanner scanner(std::string_view(part.data(), part.size()));
    CAPTURE(cut);
    CHECK_FALSE(scanner.value());
  }
}

TEST_CASE("raw slices of a container's elements are exactly their text", "[hub][json]") {
  json::Scanner scanner(R"( [ "x" , {"a": [1 ]} ,2e5])");
  REQUIRE(scanner.enter());
  std::vector<std::string> slices;
  while (scanner.next_element()) slices.emplace_back(scanner.value().value());
  CHECK_FALSE(scanner.failed());
  CHECK(slices == std::vector<std::string>{"\"x\"", R"({"a": [1 ]})", "2e5"});
}

TEST_CASE("an echo keeps numbers and the order of members, and drops white space", "[hub][json]") {
  CHECK(rewritten(R"( { "b" : [ 1 , -0 , 12.50 , 1e999 ] , "a" : "\u00e9" , "b" : {} } )") ==
        "{\"b\":[1,-0,12.50,1e999],\"a\":\"\xc3\xa9\",\"b\":{}}");
  CHECK(rewritten("18446744073709551615") == "18446744073709551615");
  CHECK(rewritten("18446744073709551616") == "18446744073709551616");
  CHECK(rewritten("-9223372036854775808") == "-9223372036854775808");
  CHECK(rewritten("-9223372036854775809") == "-9223372036854775809");
}

TEST_CASE("strings are text or they are refused", "[hub][json]") {
  CHECK(rewritten(R"("\u0041\n\"\/")") == R"("A\n\"/")");
  CHECK(rewritten(R"("\ud83d\ude00")") == R"("\uD83D\uDE00")");
  CHECK(rewritten("\"\xf0\x9f\x98\x80\"") == R"("\uD83D\uDE00")");
  for (const std::string& bad :
       {R"("\ud800")"s, R"("\ud800x")"s, R"("\udc00")"s, R"("\ud800\u0041")"s, R"("\ud800\ud800")"s, R"("\ud83d\n")"s,
        "\"\xff\""s, "\"\xed\xa0\x80\""s, "\"\xc0\xaf\""s, "\"\xe2\x82\""s, R"({"\ud800":1})"s, "[\"\xfe\"]"s}) {
    CAPTURE(bad);
    CHECK(is_json(bad));  // the scanner does not look into strings
    CHECK(rewritten(bad) == "(refused)");
  }
}

TEST_CASE("numbers become integers where they are written as such", "[hub][json]") {
  const auto kind_of = [](const std::string& text) {
    Value value;
    REQUIRE(json::read_value(text, value));
    return value.kind();
  };
  CHECK(kind_of("0") == Value::Kind::kInt64);
  CHECK(kind_of("-5") == Value::Kind::kInt64);
  CHECK(kind_of("9223372036854775808") == Value::Kind::kUInt64);
  CHECK(kind_of("1.0") == Value::Kind::kNumberText);
  CHECK(kind_of("1e2") == Value::Kind::kNumberText);
  CHECK(kind_of("-0") == Value::Kind::kNumberText);
  CHECK(Value(NumberText{"1e2"}).to_double() == 100.0);
  CHECK(Value(NumberText{"-0"}).to_double() == 0.0);
  CHECK(Value(NumberText{"1e999"}).to_double() == std::numeric_limits<double>::infinity());
  CHECK(Value(NumberText{"-1e999"}).to_double() == -std::numeric_limits<double>::infinity());
  CHECK(Value(NumberText{"1e-999"}).to_double() == 0.0);
}
