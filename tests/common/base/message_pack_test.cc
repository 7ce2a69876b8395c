#include "common/base/message_pack.h"

#include <cmath>
#include <functional>
#include <limits>

#include "tests/support/catch.h"

using namespace hubgate;
using message_pack::Packer;
using message_pack::Reader;
using message_pack::Type;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string packed(const std::function<void(Packer&)>& write) {
  std::string out;
  Packer packer(out);
  write(packer);
  return out;
}

}  // namespace

TEST_CASE("integers are packed in the narrowest form, non-negative ones unsigned", "[base][message_pack]") {
  const std::vector<std::pair<std::int64_t, std::string>> rows = {
      {0, "\x00"s},
      {127, "\x7f"},
      {128, "\xcc\x80"},
      {255, "\xcc\xff"},
      {256, "\xcd\x01\x00"s},
      {65535, "\xcd\xff\xff"},
      {65536, "\xce\x00\x01\x00\x00"s},
      {4294967296, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s},
      {-1, "\xff"},
      {-32, "\xe0"},
      {-33, "\xd0\xdf"},
      {-128, "\xd0\x80"},
      {-129, "\xd1\xff\x7f"},
      {-32768, "\xd1\x80\x00"s},
      {-32769, "\xd2\xff\xff\x7f\xff"},
      {std::numeric_limits<std::int64_t>::min(), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s},
      {std::numeric_limits<std::int64_t>::max(), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"},
  };
  for (const auto& [value, bytes] : rows) {
    CAPTURE(value);
    CHECK(packed([&](Packer& p) { p.write_integer(value); }) == bytes);
    Reader reader(bytes);
    CHECK(reader.read_int64() == value);
    CHECK(reader.at_end());
  }
}

TEST_CASE("an integer of any width is read, one that does not fit is left alone", "[base][message_pack]") {
  CHECK(Reader("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"sv).read_int32() == 5);
  CHECK(Reader("\xcd\x00\x05"sv).read_uint32() == 5U);
  Reader wide("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"sv);
  CHECK_FALSE(wide.read_int64());
  CHECK_FALSE(wide.read_int32());
  CHECK_FALSE(wide.read_uint32());
  CHECK(wide.read_uint64() == std::numeric_limits<std::uint64_t>::max());
  Reader negative("\xff"sv);
  CHECK_FALSE(negative.read_uint64());
  CHECK(negative.read_int64() == -1);
}

TEST_CASE("strings, binaries, arrays and maps come back at every width", "[base][message_pack]") {
  const auto size = GENERATE(as<std::size_t>{}, 0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536);
  CAPTURE(size);
  const std::string text(size, 'x');
  const std::string bytes = packed([&](Packer& p) {
    p.write_string(text);
    p.write_binary(text);
    p.write_array(size);
    for (std::size_t i = 0; i < size; ++i) p.write_nil();
    p.write_map(size);
    for (std::size_t i = 0; i < 2 * size; ++i) p.write_bool(true);
  });
  Reader reader(bytes);
  CHECK(reader.read_string() == text);
  const auto binary = reader.read_binary();
  REQUIRE(binary);
  CHECK(as_text(*binary) == text);
  Reader again = reader;
  CHECK(reader.read_array() == size);
  for (std::size_t i = 0; i < size; ++i) REQUIRE(reader.read_nil());
  CHECK(reader.read_map() == size);
  CHECK(again.skip());
  CHECK(again.skip());
  CHECK(again.at_end());
}

TEST_CASE("a string is no binary and a float no double", "[base][message_pack]") {
  CHECK_FALSE(Reader("\xa1x"sv).read_binary());
  CHECK_FALSE(Reader("\xc4\x01x"sv).read_string());
  CHECK_FALSE(Reader("\xca\x3f\x80\x00\x00"sv).read_float64());
  CHECK(Reader("\xca\x3f\x80\x00\x00"sv).read_float32() == 1.0f);
  CHECK(Reader(packed([](Packer& p) { p.write_float64(1.5); })).peek() == Type::kFloat64);
}

TEST_CASE("timestamps take the shortest of three forms and come back", "[base][message_pack]") {
  using message_pack::Instant;
  const std::vector<std::pair<Instant, std::string>> rows = {
      {{1704164645, 0}, "\xd6\xff\x65\x93\x7d\x25"},
      {{1704164645, 678000000}, "\xd7\xff\xa1\xa5\xd6\x00\x65\x93\x7d\x25"s},
      {{4294967296, 0}, "\xd7\xff\x00\x00\x00\x01\x00\x00\x00\x00"s},
      {{-1, 0}, "\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"s},
      {{19880899200, 5}, "\xc7\x0c\xff\x00\x00\x00\x05\x00\x00\x00\x04\xa0\xfe\x72\x80"s},
  };
  for (const auto& [instant, bytes] : rows) {
    CHECK(packed([&](Packer& p) { p.write_timestamp(instant); }) == bytes);
    CHECK(Reader(bytes).read_timestamp() == instant);
  }
  CHECK_FALSE(Reader("\xd4\x7f\x01"sv).read_timestamp());                              // another extension
  CHECK_FALSE(Reader("\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x00"sv).read_timestamp());  // 1e9 ns and more
}

TEST_CASE("extensions of every size keep type and data", "[base][message_pack]") {
  const auto size = GENERATE(as<std::size_t>{}, 0, 1, 2, 3, 4, 8, 15, 16, 17, 255, 256, 65536);
  const std::string data(size, 'e');
  const std::string bytes = packed([&](Packer& p) { p.write_extension(-5, as_bytes(data)); });
  Reader reader(bytes);
  const auto extension = reader.read_extension();
  REQUIRE(extension);
  CHECK(extension->type == -5);
  CHECK(as_text(extension->data) == data);
  CHECK(reader.at_end());
}

TEST_CASE("a value cut anywhere is refused and leaves the reader where it was", "[base][message_pack]") {
  const std::string whole = packed([](Packer& p) {
    p.write_array(10);
    p.write_map(2);
    p.write_string("key");
    p.write_integer(-70000);
    p.write_string(std::string(300, 'y'));
    p.write_float64(0.1);
    p.write_binary(std::string(20, 'b'));
    p.write_extension(7, as_bytes("abc"));
    p.write_timestamp({1704164645, 678000000});
    p.write_float32(0.5f);
    p.write_unsigned(1U << 31);
    p.write_bool(false);
    p.write_nil();
    p.write_array(0);
    p.write_map(0);
  });
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Reader reader(std::string_view(whole).substr(0, cut));
    CAPTURE(cut);
    REQUIRE_FALSE(reader.skip());
    REQUIRE(reader.position() == 0);
  }
  Reader reader(whole);
  const auto raw = reader.read_raw();
  REQUIRE(raw);
  CHECK(raw->size() == whole.size());
}

TEST_CASE("a container that claims more than there is costs nothing", "[base][message_pack]") {
  CHECK_FALSE(Reader("\xdd\xff\xff\xff\xff\x01"sv).read_array());
  CHECK_FALSE(Reader("\xdf\x7f\xff\xff\xff\x01"sv).read_map());
  CHECK_FALSE(Reader("\xdf\x7f\xff\xff\xff\x01"sv).skip());
  CHECK_FALSE(Reader("\xdb\xff\xff\xff\xff\x61"sv).read_string());
  CHECK_FALSE(Reader("\xc6\xff\xff\xff\xff\x61"sv).skip());
  CHECK_FALSE(Reader("\xc9\xff\xff\xff\xff\x61\x61"sv).read_extension());
  CHECK_FALSE(Reader("\x81\x01"sv).read_map());
  CHECK_FALSE(Reader("\xc1"sv).skip());
  CHECK_FALSE(Reader(""sv).skip());
  // Many nested claims, each just allowed by itself: the sum is not.
  std::string nested;
  for (int i = 0; i < 20000; ++i) nested += "\xdc\x7f\xff";
  CHECK_FALSE(Reader(nested).skip());
}

TEST_CASE("a million levels are skipped without recursion", "[base][message_pack]") {
  std::string deep(1'000'000, '\x91');
  deep.push_back('\xc0');
  CHECK(Reader(deep).skip());
}
