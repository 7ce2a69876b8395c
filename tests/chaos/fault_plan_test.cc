#include "tests/chaos/fault_plan.h"

#include <algorithm>
#include <set>
#include <string>

#include "tests/support/catch.h"

using namespace hubgate;
using namespace std::chrono_literals;
using chaos::FaultKind;
using chaos::make_plan;
using chaos::PlannedFault;

TEST_CASE("the same seed gives the same plan, another seed another one", "[chaos]") {
  CHECK(make_plan(7, 10min) == make_plan(7, 10min));
  CHECK_FALSE(make_plan(7, 10min) == make_plan(8, 10min));
}

TEST_CASE("a plan is in the order of time and undone before its length is over", "[chaos]") {
  const auto seed = GENERATE(1u, 2u, 3u, 4u, 5u);
  const auto length = GENERATE(chaos::Instant(18s), chaos::Instant(90s), chaos::Instant(30min));
  const auto plan = make_plan(seed, length);
  REQUIRE_FALSE(plan.empty());
  CHECK(std::is_sorted(plan.begin(), plan.end(), [](const auto& a, const auto& b) { return a.at < b.at; }));
  for (const PlannedFault& one : plan) CHECK(one.at + one.lasts <= length);
}

TEST_CASE("a long plan has every kind, and none of them rarely", "[chaos]") {
  const auto plan = make_plan(GENERATE(1u, 2u, 3u), 30min);
  for (std::size_t i = 0; i < static_cast<std::size_t>(FaultKind::kCount); ++i) {
    const auto kind = static_cast<FaultKind>(i);
    INFO(chaos::to_string(kind));
    CHECK(std::count_if(plan.begin(), plan.end(), [&](const auto& one) { return one.kind == kind; }) >= 5);
  }
}

TEST_CASE("kinds have different names, which their lines show", "[chaos]") {
  std::set<std::string> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(FaultKind::kCount); ++i) {
    const PlannedFault fault{.at = 1500ms, .kind = static_cast<FaultKind>(i), .lasts = 2s, .choice = 3};
    CHECK_THAT(to_string(fault), test::contains(std::string(to_string(fault.kind))));
    names.emplace(to_string(fault.kind));
    CHECK(chaos::parse_fault_kind(to_string(fault.kind)) == fault.kind);
  }
  CHECK(names.size() == static_cast<std::size_t>(FaultKind::kCount));
  CHECK_FALSE(chaos::parse_fault_kind("").has_value());
}

TEST_CASE("a plan of some kinds has no other", "[chaos]") {
  const auto plan = make_plan(1, 5min, {FaultKind::kKillRedis, FaultKind::kHangRedis});
  REQUIRE(plan.size() > 5);
  CHECK(std::all_of(plan.begin(), plan.end(), [](const PlannedFault& one) {
    return one.kind == FaultKind::kKillRedis || one.kind == FaultKind::kHangRedis;
  }));
}
