#include "common/base/ascii.h"

#include "tests/support/catch.h"

using namespace hubgate;

TEST_CASE("names are compared without the case of A to Z only", "[base]") {
  CHECK(equals_ignoring_case("Content-Length", "content-lENGTH"));
  CHECK_FALSE(equals_ignoring_case("a", "ab"));
  CHECK_FALSE(equals_ignoring_case("\xc3\x84", "\xc3\xa4"));  // Ä and ä differ
  CHECK(starts_with_ignoring_case("/Chat/negotiate", "/chat"));
  CHECK_FALSE(starts_with_ignoring_case("/ch", "/chat"));
}

TEST_CASE("trim takes blanks and tabs from both ends", "[base]") {
  CHECK(trim(" \t a b \t") == "a b");
  CHECK(trim(" \t ").empty());
}

TEST_CASE("a decimal number is digits only and must fit", "[base]") {
  CHECK(parse_decimal("0") == 0u);
  CHECK(parse_decimal("18446744073709551615") == UINT64_MAX);
  for (const char* bad : {"", "+1", "-1", " 1", "1 ", "1.0", "0x1", "18446744073709551616"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_decimal(bad).has_value());
  }
  CHECK(parse_hex("fF") == 255u);
  CHECK_FALSE(parse_hex("0x1").has_value());
}
