#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace hubgate::proxy {

/// How a new connection or request finds its endpoint when nothing binds it to one.
enum class BalancePolicy : std::uint8_t { kLeastConnections, kPowerOfTwo, kRoundRobin };

std::string_view to_string(BalancePolicy policy) noexcept;

/// What a policy must know of one endpoint that may be used now: ready, not draining, not full.
struct Candidate {
  std::uint64_t active = 0;   // connections that the endpoint has (its own word where it gives one)
  std::uint64_t pending = 0;  // given to it, not yet in `active`
  double weight = 1;          // > 0; twice the weight, twice the connections
  std::uint64_t recent = 0;   // assignments of late (the caller forgets them), for ties and the slow start's cap
  double warmth = 1;          // share of the weight that counts now, in (0, 1]: slow_start_share()
};

/// Chooses among the candidates: an index, or nothing when there is none. Nothing is kept between calls but `turn`,
/// which belongs to the pool and which round_robin moves.
///
/// - least_connections: least (active + pending) / weight, ties by fewer recent assignments, then by chance;
/// - power_of_two: the better of two drawn by chance, for several gateways before the same endpoints;
/// - round_robin: in turn, by weight.
///
/// In all of them an endpoint in its slow start that has had twice its fair share of the recent assignments is
/// passed over while another is there: a restarted, empty endpoint must not get every new client.
std::optional<std::size_t> choose_endpoint(BalancePolicy policy, std::span<const Candidate> candidates,
                                           std::uint64_t& turn, Random& random);

/// The share of its weight that an endpoint gets `since` it became ready, from 10 % growing evenly to 1 at the end of
/// `window`. A pool gives 1 instead at the start of the gateway and in a rolling restart, where all are new.
double slow_start_share(Duration since, Duration window) noexcept;

}  // namespace hubgate::proxy
