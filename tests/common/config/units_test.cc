#include "common/config/units.h"

#include "tests/support/catch.h"

using namespace hubgate::config;
using std::chrono::milliseconds;

TEST_CASE("a duration is digits and one unit", "[config][units]") {
  CHECK(parse_duration("250ms") == milliseconds(250));
  CHECK(parse_duration("10s") == milliseconds(10'000));
  CHECK(parse_duration("5m") == milliseconds(300'000));
  CHECK(parse_duration("1h") == milliseconds(3'600'000));
  CHECK(parse_duration("2d") == milliseconds(172'800'000));
  CHECK(parse_duration("0s") == milliseconds(0));
}

TEST_CASE("what is no duration is refused", "[config][units]") {
  const auto text = GENERATE(as<std::string_view>{}, "", "10", "s", "-1s", "+1s", "1.5s", "10 s", " 10s", "10s ",
                             "1h30m", "10S", "10sec", "99999999999999999999s", "9223372036854775807s", "0x10s");
  CAPTURE(text);
  CHECK_FALSE(parse_duration(text).has_value());
}

TEST_CASE("a size is digits and one binary unit", "[config][units]") {
  CHECK(parse_size("0B") == 0U);
  CHECK(parse_size("512B") == 512U);
  CHECK(parse_size("64KiB") == 65536U);
  CHECK(parse_size("8MiB") == 8U * 1024 * 1024);
  CHECK(parse_size("2GiB") == 2ULL * 1024 * 1024 * 1024);
}

TEST_CASE("what is no size is refused", "[config][units]") {
  const auto text = GENERATE(as<std::string_view>{}, "", "64", "64K", "64KB", "64kib", "KiB", "1.5MiB", "-1B",
                             "99999999999GiB", "1TiB");
  CAPTURE(text);
  CHECK_FALSE(parse_size(text).has_value());
}

TEST_CASE("formatted units are read back as the same value", "[config][units]") {
  for (const std::int64_t value :
       {0LL, 1LL, 250LL, 1000LL, 90'000LL, 60'000LL, 3'600'000LL, 86'400'000LL, 86'400'001LL}) {
    CHECK(parse_duration(format_duration(milliseconds(value))) == milliseconds(value));
  }
  for (const std::uint64_t value : {0ULL, 1ULL, 1000ULL, 1024ULL, 65536ULL, 1048577ULL, 1ULL << 40}) {
    CHECK(parse_size(format_size(value)) == value);
  }
  CHECK(format_duration(milliseconds(90'000)) == "90s");
  CHECK(format_duration(milliseconds(120'000)) == "2m");
  CHECK(format_size(65536) == "64KiB");
}
