#include <hubgate/convert.h>
#include <hubgate/dotnet_types.h>

#include <limits>

#include "hub/protocol/json_hub_protocol.h"
#include "hub/protocol/messagepack_hub_protocol.h"
#include "tests/hub/protocol/probe.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace std::string_literals;

namespace {

constexpr auto kJson = ValueFormat::kJson;
constexpr auto kMessagePack = ValueFormat::kMessagePack;

template <class T>
std::optional<T> as(Value value, ValueFormat format = kJson) {
  auto result = from_value<T>(std::move(value), format);
  if (!result) return std::nullopt;
  return *std::move(result);
}

// There and back over the wire.
template <class T>
T crossed(const T& value, const hub::HubProtocol& protocol) {
  const auto raw = protocol.write_value(to_value(value));
  REQUIRE(raw);
  Value read;
  REQUIRE(protocol.read_value(*raw, read));
  auto result = from_value<T>(std::move(read), protocol.value_format());
  REQUIRE(result);
  return *std::move(result);
}

}  // namespace

TEST_CASE("integers fit exactly or not at all", "[hub][convert]") {
  CHECK(as<std::int32_t>(2147483647) == 2147483647);
  CHECK_FALSE(as<std::int32_t>(Value(2147483648)));
  CHECK_FALSE(as<std::uint32_t>(-1));
  CHECK(as<std::uint64_t>(std::numeric_limits<std::uint64_t>::max()) == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(as<std::int64_t>(std::numeric_limits<std::uint64_t>::max()));
  CHECK(as<std::int8_t>(-128) == std::int8_t{-128});
  CHECK_FALSE(as<std::uint8_t>(256));
  CHECK_FALSE(as<int>(NumberText{"1.0"}));
  CHECK_FALSE(as<int>(1.0));
  CHECK_FALSE(as<int>("1"));
  CHECK_FALSE(as<int>(nullptr));
  CHECK_FALSE(as<int>(true));
  CHECK_FALSE(as<bool>(1));
}

TEST_CASE("floating point takes every number and nothing else", "[hub][convert]") {
  CHECK(as<double>(5) == 5.0);
  CHECK(as<double>(0.5f) == 0.5);
  CHECK(as<float>(0.5) == 0.5f);
  CHECK(as<double>(NumberText{"1e2"}) == 100.0);
  CHECK_FALSE(as<double>("1"));
  CHECK_FALSE(as<double>(nullptr));
}

TEST_CASE("strings and bytes are not interchangeable", "[hub][convert]") {
  using ByteVector = std::vector<std::byte>;
  CHECK(as<std::string>("x") == "x");
  CHECK_FALSE(as<std::string>(1));
  CHECK_FALSE(as<std::string>(nullptr));
  CHECK_FALSE(as<std::string>(Value(ByteVector{std::byte{1}}), kMessagePack));
  CHECK(as<ByteVector>("AQI=") == ByteVector{std::byte{1}, std::byte{2}});
  CHECK_FALSE(as<ByteVector>("AQI"));
  CHECK_FALSE(as<ByteVector>("AQI=", kMessagePack));
  CHECK(as<ByteVector>(Value::array({1, 2}), kMessagePack) == ByteVector{std::byte{1}, std::byte{2}});
  CHECK_FALSE(as<ByteVector>(Value::array({1, 256}), kMessagePack));
  CHECK_FALSE(as<ByteVector>(Value::array({1, 2})));
  CHECK(as<std::vector<std::uint8_t>>("AQI=") == std::vector<std::uint8_t>{1, 2});
}

TEST_CASE("optionals take null, vectors and maps take their elements' types", "[hub][convert]") {
  CHECK(as<std::optional<int>>(nullptr) == std::optional<std::optional<int>>(std::optional<int>()));
  CHECK(as<std::optional<int>>(5) == std::optional<int>(5));
  CHECK_FALSE(as<std::optional<int>>("x"));
  CHECK(as<std::vector<int>>(Value::array({1, 2})) == std::vector<int>{1, 2});
  CHECK(as<std::vector<bool>>(Value::array({true, false})) == std::vector<bool>{true, false});
  CHECK_FALSE(as<std::vector<int>>(Value::array({1, "x"})));
  CHECK_FALSE(as<std::vector<int>>(nullptr));
  CHECK(as<std::map<std::string, int>>(Value::map({{"a", 1}})) == std::map<std::string, int>{{"a", 1}});
  CHECK(as<std::map<int, std::string>>(Value::map({{"1", "a"}})) == std::map<int, std::string>{{1, "a"}});
  CHECK(as<std::map<int, std::string>>(Value::map({{1, "a"}}), kMessagePack) == std::map<int, std::string>{{1, "a"}});
  CHECK_FALSE(as<std::map<int, std::string>>(Value::map({{"x", "a"}})));
  CHECK(as<std::unordered_map<std::string, int>>(Value::map({{"a", 1}})) ==
        std::unordered_map<std::string, int>{{"a", 1}});
}

TEST_CASE("fields are found without regard to case in JSON and exactly in MessagePack", "[hub][convert]") {
  const Value lower = Value::map({{"name", "x"}, {"VALUE", 3}, {"unknown", Value::array({1})}});
  auto from_json = from_value<test::Obj>(Value(lower));
  REQUIRE(from_json);
  CHECK(from_json->Name == "x");
  CHECK(from_json->Value == 3);
  auto from_message_pack = from_value<test::Obj>(Value(lower), kMessagePack);
  REQUIRE(from_message_pack);
  CHECK_FALSE(from_message_pack->Name);
  CHECK(from_message_pack->Value == 0);
  CHECK_FALSE(from_value<test::Obj>(Value::map({{"Value", "x"}})));
  CHECK_FALSE(from_value<test::Obj>(Value()));
  CHECK_FALSE(from_value<test::Obj>(Value::array({})));
}

TEST_CASE("an object keeps its children over either protocol", "[hub][convert]") {
  test::Obj object;
  object.Name = "n";
  object.Value = -1;
  object.Kind = test::Color::kGreen;
  object.Data = std::vector<std::byte>{std::byte{7}};
  object.Child = std::make_unique<test::Obj>();
  object.Child->Value = 5;
  const hub::JsonHubProtocol json;
  const hub::MessagePackHubProtocol message_pack;
  for (const hub::HubProtocol* protocol : std::initializer_list<const hub::HubProtocol*>{&json, &message_pack}) {
    const auto back = crossed(object, *protocol);
    CHECK(back.Name == "n");
    CHECK(back.Value == -1);
    CHECK(back.Kind == test::Color::kGreen);
    CHECK(back.Data == object.Data);
    REQUIRE(back.Child);
    CHECK(back.Child->Value == 5);
    CHECK_FALSE(back.Child->Child);
  }
}

TEST_CASE("enums are numbers in JSON and names in MessagePack, each only there", "[hub][convert]") {
  using test::Color;
  CHECK(as<Color>(5) == Color::kGreen);
  CHECK(as<Color>(3) == static_cast<Color>(3));
  CHECK_FALSE(as<Color>("Green"));
  CHECK(as<Color>("Green", kMessagePack) == Color::kGreen);
  CHECK(as<Color>("3", kMessagePack) == static_cast<Color>(3));
  CHECK_FALSE(as<Color>("green", kMessagePack));
  CHECK_FALSE(as<Color>(5, kMessagePack));
}

TEST_CASE("literals, views and values are arguments as they stand", "[hub][convert]") {
  CHECK(to_value("literal") == Value("literal"));
  CHECK(to_value(std::string_view("view")) == Value("view"));
  CHECK(to_value("text"s) == Value("text"));
  CHECK(to_value(Value(5)) == Value(5));
  CHECK(to_value(true) == Value(true));
  CHECK(to_value(std::vector<std::string>{"a"}) == Value::array({"a"}));
}

TEST_CASE(".NET's types cross over either protocol", "[hub][convert]") {
  const hub::JsonHubProtocol json;
  const hub::MessagePackHubProtocol message_pack;
  for (const hub::HubProtocol* protocol : std::initializer_list<const hub::HubProtocol*>{&json, &message_pack}) {
    for (const std::int64_t ticks :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{937845000000}, std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min()}) {
      CHECK(crossed(TimeSpan{ticks}, *protocol).ticks == ticks);
    }
    const DateTimeOffset time{{1704164645, 60000000}, -330};
    CHECK(crossed(time, *protocol) == time);
    CHECK(crossed(Decimal{"12.50"}, *protocol).text == "12.50");
    CHECK(crossed(Decimal{"-7"}, *protocol).text == "-7");
    CHECK(crossed(u'\u017e', *protocol) == u'\u017e');
    CHECK(crossed(Timestamp{-5, 100}, *protocol) == Timestamp{-5, 100});
  }
  CHECK_FALSE(as<Decimal>(1.5, kMessagePack));
  CHECK_FALSE(as<Decimal>("1e5", kMessagePack));
  CHECK_FALSE(as<Decimal>("abc", kMessagePack));
  CHECK_FALSE(as<char16_t>("xy"));
  CHECK_FALSE(as<char16_t>("x", kMessagePack));
  CHECK_FALSE(as<TimeSpan>("24:00:00"));
  CHECK_FALSE(as<TimeSpan>("1:2"));
  CHECK_FALSE(as<DateTimeOffset>(Value::array({Value(Timestamp{INT64_MIN, 0}), 60}), kMessagePack));
  CHECK_FALSE(as<DateTimeOffset>(Value::array({Value(Timestamp{0, 0}), 32767}), kMessagePack));
}
