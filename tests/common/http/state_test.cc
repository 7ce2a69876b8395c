#include "common/http/http1_state.h"

#include <map>
#include <set>
#include <vector>

#include "tests/support/catch.h"

namespace hubgate::http {
namespace {

using enum ExchangeEvent;

constexpr ExchangeEvent kEvents[] = {kRequestHead,  kRequestEnd,  kRefusal, kInterim, kSwitch,
                                     kResponseHead, kResponseEnd, kNext,    kClose};

// Every pair of states that can be reached, with one way to it.
std::map<std::pair<SideState, SideState>, Http1State> reachable() {
  std::map<std::pair<SideState, SideState>, Http1State> found;
  std::vector<Http1State> open(1);
  open.front().offer_switch();
  while (!open.empty()) {
    const Http1State state = open.back();
    open.pop_back();
    if (!found.emplace(std::pair(state.requester(), state.responder()), state).second) continue;
    for (const ExchangeEvent event : kEvents) {
      Http1State next = state;
      if (next.move(event)) open.push_back(next);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("each event is allowed in exactly the states that the table names", "[http][state]") {
  using S = SideState;
  using Pairs = std::set<std::pair<S, S>>;
  const std::map<ExchangeEvent, Pairs> allowed = {
      {kRequestHead, {{S::kIdle, S::kIdle}}},
      {kRequestEnd, {{S::kSending, S::kIdle}, {S::kSending, S::kSending}, {S::kSending, S::kDone}}},
      {kRefusal, {{S::kIdle, S::kIdle}, {S::kSending, S::kIdle}, {S::kSending, S::kSending}, {S::kSending, S::kDone}}},
      {kInterim, {{S::kSending, S::kIdle}, {S::kDone, S::kIdle}}},
      {kSwitch, {{S::kDone, S::kIdle}}},
      {kResponseHead, {{S::kSending, S::kIdle}, {S::kDone, S::kIdle}, {S::kClosed, S::kIdle}}},
      {kResponseEnd, {{S::kSending, S::kSending}, {S::kDone, S::kSending}, {S::kClosed, S::kSending}}},
      {kNext, {{S::kDone, S::kDone}}},
  };
  for (const auto& [pair, state] : reachable()) {
    CAPTURE(to_string(pair.first), to_string(pair.second));
    for (const auto& [event, pairs] : allowed) {
      CAPTURE(static_cast<int>(event));
      CHECK(state.allows(event) == pairs.contains(pair));
    }
    CHECK(state.allows(kClose));
  }
}

TEST_CASE("a move that is not allowed changes nothing", "[http][state]") {
  for (const auto& [pair, state] : reachable()) {
    for (const ExchangeEvent event : kEvents) {
      if (state.allows(event)) continue;
      Http1State copy = state;
      CHECK_FALSE(copy.move(event));
      CHECK(copy.requester() == pair.first);
      CHECK(copy.responder() == pair.second);
    }
  }
}

TEST_CASE("no exchange follows once one side has forbidden it", "[http][state]") {
  Http1State state;
  REQUIRE(state.move(kRequestHead));
  REQUIRE(state.move(kRequestEnd));
  REQUIRE(state.move(kResponseHead));
  state.forbid_next();
  REQUIRE(state.move(kResponseEnd));
  CHECK(state.is_complete());
  CHECK_FALSE(state.move(kNext));
}

TEST_CASE("a connection switches only when that was offered, and the offer is forgotten", "[http][state]") {
  Http1State state;
  REQUIRE(state.move(kRequestHead));
  REQUIRE(state.move(kRequestEnd));
  CHECK_FALSE(state.allows(kSwitch));
  state.offer_switch();
  CHECK(state.allows(kSwitch));
  REQUIRE(state.move(kResponseHead));
  REQUIRE(state.move(kResponseEnd));
  REQUIRE(state.move(kNext));
  REQUIRE(state.move(kRequestHead));
  REQUIRE(state.move(kRequestEnd));
  CHECK_FALSE(state.allows(kSwitch));
}

}  // namespace hubgate::http
