#include "proxy/session/exchange_state.h"

#include <set>
#include <utility>

#include "tests/support/catch.h"

using namespace hubgate::proxy;

TEST_CASE("an exchange makes exactly the moves of the table, for every pair of states", "[proxy][session]") {
  using enum ExchangeState;
  const std::set<std::pair<ExchangeState, ExchangeState>> allowed = {
      {kReadingHead, kChoosing}, {kReadingHead, kSending}, {kReadingHead, kFailed}, {kChoosing, kConnecting},
      {kChoosing, kHandedOver},  {kChoosing, kSending},    {kChoosing, kFailed},    {kConnecting, kSending},
      {kConnecting, kChoosing},  {kConnecting, kFailed},   {kSending, kDone},       {kSending, kSwitched},
      {kSending, kChoosing},     {kSending, kFailed},      {kHandedOver, kDone},    {kHandedOver, kChoosing},
      {kHandedOver, kFailed},
  };
  for (int from = 0; from < kExchangeStateCount; ++from) {
    for (int to = 0; to < kExchangeStateCount; ++to) {
      const auto pair = std::pair(static_cast<ExchangeState>(from), static_cast<ExchangeState>(to));
      CAPTURE(to_string(pair.first), to_string(pair.second));
      CHECK(may_move(pair.first, pair.second) == allowed.contains(pair));
    }
  }
}

TEST_CASE("a final state is never left, and every other one can be", "[proxy][session]") {
  for (int from = 0; from < kExchangeStateCount; ++from) {
    bool can_leave = false;
    for (int to = 0; to < kExchangeStateCount; ++to) {
      can_leave = can_leave || may_move(static_cast<ExchangeState>(from), static_cast<ExchangeState>(to));
    }
    CHECK(can_leave != is_final(static_cast<ExchangeState>(from)));
  }
}
