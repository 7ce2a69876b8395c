#include "proxy/routing/choose_endpoint.h"

#include <map>
#include <vector>

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

struct Chooser {
  BalancePolicy policy = BalancePolicy::kLeastConnections;
  std::uint64_t turn = 0;
  SeededRandom random{7};
  std::optional<std::size_t> operator()(const std::vector<Candidate>& candidates) {
    return choose_endpoint(policy, candidates, turn, random);
  }
  // Chooses `count` times; each choice stays as a connection. Returns how many each got.
  std::vector<std::uint64_t> fill(std::vector<Candidate> candidates, int count) {
    std::vector<std::uint64_t> got(candidates.size());
    for (int i = 0; i < count; ++i) {
      const std::size_t chosen = (*this)(candidates).value();
      ++candidates[chosen].pending;
      ++candidates[chosen].recent;
      ++got[chosen];
    }
    return got;
  }
};

}  // namespace

TEST_CASE("without candidates there is no choice", "[routing]") {
  Chooser choose;
  choose.policy = GENERATE(BalancePolicy::kLeastConnections, BalancePolicy::kPowerOfTwo, BalancePolicy::kRoundRobin);
  CHECK_FALSE(choose({}).has_value());
  CHECK(choose({Candidate{.active = 5}}) == 0U);
}

TEST_CASE("least connections compares active and pending by weight", "[routing]") {
  Chooser choose;
  CHECK(choose({Candidate{.active = 3}, Candidate{.active = 1, .pending = 1}}) == 1U);
  CHECK(choose({Candidate{.active = 1}, Candidate{.active = 1, .pending = 1}}) == 0U);
  CHECK(choose({Candidate{.active = 5, .weight = 1}, Candidate{.active = 9, .weight = 2}}) == 1U);
}

TEST_CASE("least connections breaks ties by fewer recent assignments, then by chance", "[routing]") {
  Chooser choose;
  CHECK(choose({Candidate{.active = 1, .recent = 4}, Candidate{.active = 1, .recent = 3}}) == 1U);
  std::map<std::size_t, int> counts;
  for (int i = 0; i < 3000; ++i) ++counts[choose({Candidate{}, Candidate{}, Candidate{}}).value()];
  for (std::size_t i = 0; i < 3; ++i) CHECK((counts[i] > 850 && counts[i] < 1150));
}

TEST_CASE("a wave of new clients is spread evenly whatever the policy", "[routing]") {
  Chooser choose;
  choose.policy = GENERATE(BalancePolicy::kLeastConnections, BalancePolicy::kPowerOfTwo, BalancePolicy::kRoundRobin);
  for (const std::uint64_t got : choose.fill({Candidate{}, Candidate{}}, 200)) CHECK((got >= 80 && got <= 120));
}

TEST_CASE("twice the weight gets twice the clients", "[routing]") {
  Chooser choose;
  choose.policy = GENERATE(BalancePolicy::kLeastConnections, BalancePolicy::kRoundRobin);
  const auto got = choose.fill({Candidate{.weight = 2}, Candidate{.weight = 1}}, 300);
  CHECK((got[0] >= 195 && got[0] <= 205));
}

TEST_CASE("round robin goes in turn", "[routing]") {
  Chooser choose;
  choose.policy = BalancePolicy::kRoundRobin;
  std::vector<std::size_t> order;
  for (int i = 0; i < 6; ++i) order.push_back(choose({Candidate{}, Candidate{}, Candidate{}}).value());
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 0, 1, 2});
}

TEST_CASE("power of two never takes the worst of many", "[routing]") {
  Chooser choose;
  choose.policy = BalancePolicy::kPowerOfTwo;
  for (int i = 0; i < 500; ++i) {
    CHECK(choose({Candidate{.active = 1}, Candidate{.active = 2}, Candidate{.active = 100}}) != 2U);
  }
}

TEST_CASE("an empty endpoint in its slow start gets at most twice its fair share", "[routing]") {
  Chooser choose;
  choose.policy = GENERATE(BalancePolicy::kLeastConnections, BalancePolicy::kPowerOfTwo, BalancePolicy::kRoundRobin);
  const Candidate full{.active = 10'000};
  const auto got = choose.fill({full, full, full, Candidate{.warmth = 0.1}}, 400);
  CHECK(got[3] <= 201);
}

TEST_CASE("when all are in their slow start none is passed over for it", "[routing]") {
  Chooser choose;
  const Candidate cold{.recent = 50, .warmth = 0.1};
  CHECK(choose({cold}).has_value());
  CHECK(choose({cold, cold}).has_value());
}

TEST_CASE("the slow start's share grows evenly from a tenth to all", "[routing]") {
  CHECK(slow_start_share(0s, 30s) == Approx(0.1));
  CHECK(slow_start_share(15s, 30s) == Approx(0.55));
  CHECK(slow_start_share(30s, 30s) == 1);
  CHECK(slow_start_share(1h, 30s) == 1);
  CHECK(slow_start_share(0s, 0s) == 1);
}
