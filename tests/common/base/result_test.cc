#include <hubgate/result.h>

#include <memory>

#include "tests/support/catch.h"

using namespace hubgate;

namespace {
Result<std::unique_ptr<int>> make(bool works) {
  if (!works) return make_error(ErrorCode::kNotFound, "nothing there");
  return std::make_unique<int>(5);
}
Result<std::string> text() { return "literal"; }
Result<void> nothing(bool works) {
  if (!works) return make_error(ErrorCode::kTimeout, "late", Side::kUpstream);
  return {};
}
}  // namespace

TEST_CASE("a result is a value or an error", "[base]") {
  auto good = make(true);
  REQUIRE(good);
  CHECK(**good == 5);
  const std::unique_ptr<int> taken = *std::move(good);
  CHECK(*taken == 5);
  const auto bad = make(false);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == ErrorCode::kNotFound);
  CHECK(bad.error().what == "nothing there");
  CHECK(*text() == "literal");
}

TEST_CASE("a result without a value tells success and whose fault it was", "[base]") {
  CHECK(nothing(true));
  const auto bad = nothing(false);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().side == Side::kUpstream);
}
