#include "common/base/random.h"

#include <set>

#include "tests/support/catch.h"

using namespace hubgate;

TEST_CASE("tokens are 22 URL-safe characters and do not repeat", "[base]") {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = random.token();
    REQUIRE(token.size() == 22);
    REQUIRE(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
            std::string::npos);
    REQUIRE(seen.insert(token).second);
  }
}

TEST_CASE("numbers below a bound stay below it and reach every value", "[base]") {
  SeededRandom random(7);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random.below(10);
    REQUIRE(value < 10);
    seen.insert(value);
    const double fraction = random.fraction();
    REQUIRE((fraction >= 0 && fraction < 1));
  }
  CHECK(seen.size() == 10);
}
