#include "hub/protocol/json_writer.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "hub/protocol/utf8.h"
#include "tests/hub/protocol/vectors.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::hub;

namespace {

std::string written(const Value& value, json::WriteOptions options = {}) {
  std::string out;
  return json::write_value(value, options, out) ? out : "(unwritable)";
}

std::string utf8(char32_t code_point) {
  std::string out;
  append_utf8(code_point, out);
  return out;
}

}  // namespace

TEST_CASE("exactly the code points that .NET escapes are escaped, in upper case", "[hub][json][vectors]") {
  std::vector<bool> escaped(0x10000, false);
  for (const auto& range : test::load_vectors("json_escaped_code_points.json")) {
    const auto from = std::stoul(range.at("from").get<std::string>(), nullptr, 16);
    const auto to = std::stoul(range.at("to").get<std::string>(), nullptr, 16);
    for (auto c = from; c <= to; ++c) escaped[c] = true;
  }
  const std::vector<std::pair<char32_t, std::string>> short_forms = {
      {0x08, "\\b"}, {0x09, "\\t"}, {0x0a, "\\n"}, {0x0c, "\\f"}, {0x0d, "\\r"}, {0x22, "\\\""}, {0x5c, "\\\\"}};
  int wrong = 0;
  for (char32_t c = 0; c < 0x10000; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    char unit[8];
    std::snprintf(unit, sizeof unit, "\\u%04X", static_cast<unsigned>(c));
    std::string expected = escaped[c] ? unit : utf8(c);
    for (const auto& [code_point, text] : short_forms) {
      if (code_point == c) expected = text;
    }
    std::string out;
    json::write_string(utf8(c), out);
    if (out != "\"" + expected + "\"") {
      CAPTURE(static_cast<unsigned>(c), out, expected);
      CHECK(++wrong == 0);
      if (wrong > 5) return;
    }
  }
  CHECK(wrong == 0);
  CHECK(written("a\xf0\x9f\x98\x80z") == R"("a\uD83D\uDE00z")");
  CHECK(written(utf8(0x10ffff)) == R"("\uDBFF\uDFFF")");
}

TEST_CASE("invalid UTF-8 is written as replacement characters", "[hub][json]") {
  CHECK(written("a\xff"
                "b") == R"("a\uFFFDb")");
  CHECK(written("\xe2\x82") == R"("\uFFFD")");
  CHECK(written("\xed\xa0\x80") == R"("\uFFFD\uFFFD\uFFFD")");
}

TEST_CASE("floating point numbers look as .NET writes them", "[hub][json]") {
  const std::vector<std::pair<double, std::string>> doubles = {{0, "0"},
                                                               {-0.0, "-0"},
                                                               {2, "2"},
                                                               {1.5, "1.5"},
                                                               {-1.25, "-1.25"},
                                                               {0.1, "0.1"},
                                                               {100, "100"},
                                                               {0.0001, "0.0001"},
                                                               {0.00012345, "0.00012345"},
                                                               {0.00001, "1E-05"},
                                                               {1.2345e-5, "1.2345E-05"},
                                                               {1e16, "10000000000000000"},
                                                               {1e17, "1E+17"},
                                                               {1.5e16, "15000000000000000"},
                                                               {123456789012345680, "1.2345678901234568E+17"},
                                                               {1e21, "1E+21"},
                                                               {1e-7, "1E-07"},
                                                               {1e300, "1E+300"},
                                                               {1e-300, "1E-300"},
                                                               {5e-324, "5E-324"},
                                                               {1.7976931348623157e308, "1.7976931348623157E+308"},
                                                               {123.456, "123.456"},
                                                               {1234567.0, "1234567"}};
  for (const auto& [number, text] : doubles) CHECK(written(number) == text);
  const std::vector<std::pair<float, std::string>> floats = {
      {0.1f, "0.1"}, {1e8f, "100000000"}, {1e9f, "1E+09"}, {3.4028235e38f, "3.4028235E+38"}, {16777216.0f, "16777216"},
      {0.5f, "0.5"}, {1e-5f, "1E-05"}};
  for (const auto& [number, text] : floats) CHECK(written(number) == text);
}

TEST_CASE("what JSON cannot have is refused, or null where nobody may be closed for it", "[hub][json]") {
  const json::WriteOptions lenient{.unwritable = Unwritable::kNull};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(written(Value::array({1, nan})) == "(unwritable)");
  CHECK(written(Value::array({1, nan, infinity}), lenient) == "[1,null,null]");
  CHECK(written(Value(Extension{5, {}})) == "(unwritable)");
  CHECK(written(Value(Extension{5, {}}), lenient) == "null");
  Value deep;
  for (int i = 0; i < 65; ++i) deep = Value(Value::Array{deep});
  CHECK(written(deep) == "(unwritable)");
  CHECK(written(deep, lenient) == std::string(64, '[') + "null" + std::string(64, ']'));
}

TEST_CASE("names of fields are in camelCase, keys of dictionaries are left alone", "[hub][json]") {
  const Value object = Value::object({{"FirstName", Value::map({{"Key", 1}})}});
  CHECK(written(object) == R"({"firstName":{"Key":1}})");
  CHECK(written(object, {.names = json::Names::kAsIs}) == R"({"FirstName":{"Key":1}})");
  CHECK(json::camel_case("URLValue") == "urlValue");
  CHECK(json::camel_case("ID") == "id");
  CHECK(json::camel_case("IDs") == "iDs");
  CHECK(json::camel_case("already") == "already");
  CHECK(json::camel_case("A") == "a");
  CHECK(json::camel_case("X1") == "x1");
  CHECK(json::camel_case("") == "");
}

TEST_CASE("keys of any kind become text", "[hub][json]") {
  CHECK(written(Value::map({{1, "a"}, {-2, "b"}, {true, "c"}, {nullptr, "d"}, {1.5, "e"}, {"x\"", "f"}})) ==
        R"({"1":"a","-2":"b","true":"c","null":"d","1.5":"e","x\"":"f"})");
  CHECK(written(Value::map({{Value(Timestamp{0, 0}), 1}})) == R"({"1970-01-01T00:00:00Z":1})");
  CHECK(written(Value::map({{Value::array({1}), 1}})) == R"({"[1]":1})");
}

TEST_CASE("bytes are base64 and points in time are ISO 8601", "[hub][json]") {
  CHECK(written(Value(Value::Bytes{std::byte{1}, std::byte{2}, std::byte{3}})) == "\"AQID\"");
  CHECK(written(Value(Timestamp{1704164645, 678000000})) == "\"2024-01-02T03:04:05.678Z\"");
  CHECK(written(Value(Timestamp{1704164645, 99})) == "\"2024-01-02T03:04:05Z\"");
  CHECK(written(Value(Timestamp{-62135596800, 0})) == "\"0001-01-01T00:00:00Z\"");
  CHECK(written(Value(Timestamp{253402300799, 999999999})) == "\"9999-12-31T23:59:59.9999999Z\"");
  CHECK(written(Value(Timestamp{253402300800, 0})) == "(unwritable)");
  CHECK(written(Value(Timestamp{INT64_MAX, 0})) == "(unwritable)");
}

TEST_CASE("every point in time reads back from its text", "[hub][json]") {
  for (std::int64_t seconds = -62135596800; seconds < 253402300800; seconds += 86400 * 37 + 12345) {
    const Timestamp time{seconds, 123456700};
    REQUIRE(parse_timestamp(to_text(time)) == time);
  }
  CHECK(parse_timestamp("2024-02-29T00:00:00+02:00") == Timestamp{1709157600, 0});
  CHECK(parse_timestamp("2024-02-29") == Timestamp{1709164800, 0});
  CHECK(parse_timestamp("2024-02-29T01:02Z") == Timestamp{1709168520, 0});
  for (const char* bad : {"", "2023-02-29", "2024-13-01", "2024-00-01", "0000-01-01", "2024-01-01T24:00:00",
                          "2024-01-01T00:60:00", "2024-01-01T00:00:00.", "2024-01-01 00:00:00",
                          "2024-01-01T00:00:00+25:00", "2024-01-01T00:00:00z", "2024-01-01T00:00:00Zx", "x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_timestamp(bad));
  }
}
