#include "proxy/routing/choose_endpoint.h"

#include <algorithm>
#include <cassert>

namespace hubgate::proxy {
namespace {

constexpr double kLeastShare = 0.1;  // of the weight, at the start of a slow start
constexpr double kFairShares = 2;    // of the recent assignments, that an endpoint in its slow start may have

double load_of(const Candidate& candidate) {
  return static_cast<double>(candidate.active + candidate.pending) / (candidate.weight * candidate.warmth);
}

// The better of two by load, then by recent assignments: negative for `a`, positive for `b`, 0 for a tie.
int compare(const Candidate& a, const Candidate& b) {
  const double load_a = load_of(a);
  const double load_b = load_of(b);
  if (load_a != load_b) return load_a < load_b ? -1 : 1;
  if (a.recent != b.recent) return a.recent < b.recent ? -1 : 1;
  return 0;
}

/// Says which candidates have had their share in the slow start. Nobody is passed over when all would be.
class SlowStartCap {
 public:
  explicit SlowStartCap(std::span<const Candidate> candidates) {
    bool any_cold = false;
    double weights = 0;
    double recent = 1;  // the assignment that is being made counts
    for (const Candidate& candidate : candidates) {
      any_cold = any_cold || candidate.warmth < 1;
      weights += candidate.weight;
      recent += static_cast<double>(candidate.recent);
    }
    if (!any_cold) return;
    allowed_per_weight_ = kFairShares * recent / weights;
    capped_ = std::any_of(candidates.begin(), candidates.end(), [this](const Candidate& one) { return !is_over(one); });
  }
  bool passes_over(const Candidate& candidate) const { return capped_ && is_over(candidate); }

 private:
  bool is_over(const Candidate& candidate) const {
    return candidate.warmth < 1 && static_cast<double>(candidate.recent) >= allowed_per_weight_ * candidate.weight;
  }
  double allowed_per_weight_ = 0;
  bool capped_ = false;
};

std::optional<std::size_t> least_connections(std::span<const Candidate> candidates, const SlowStartCap& cap,
                                             Random& random) {
  std::optional<std::size_t> best;
  std::uint64_t equals = 1;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (cap.passes_over(candidates[i])) continue;
    const int order = best ? compare(candidates[i], candidates[*best]) : -1;
    if (order < 0) {
      best = i;
      equals = 1;
    } else if (order == 0 && random.below(++equals) == 0) {
      best = i;  // each of the equals with the same chance, in one pass
    }
  }
  return best;
}

std::optional<std::size_t> power_of_two(std::span<const Candidate> candidates, const SlowStartCap& cap,
                                        Random& random) {
  std::size_t open = 0;
  for (const Candidate& candidate : candidates) open += cap.passes_over(candidate) ? 0 : 1;
  if (open == 0) return std::nullopt;
  const auto nth_open = [&](std::uint64_t n) {
    std::size_t i = 0;
    for (;; ++i) {
      if (cap.passes_over(candidates[i])) continue;
      if (n-- == 0) return i;
    }
  };
  const std::uint64_t first = random.below(open);
  if (open == 1) return nth_open(first);
  std::uint64_t second = random.below(open - 1);
  if (second >= first) ++second;  // two different ones
  const std::size_t a = nth_open(first);
  const std::size_t b = nth_open(second);
  return compare(candidates[b], candidates[a]) < 0 ? b : a;
}

// The one that is furthest behind its share; among equals in turn.
std::optional<std::size_t> round_robin(std::span<const Candidate> candidates, const SlowStartCap& cap,
                                       std::uint64_t turn) {
  std::optional<std::size_t> best;
  double least = 0;
  for (std::size_t n = 0; n < candidates.size(); ++n) {
    const std::size_t i = static_cast<std::size_t>((turn + n) % candidates.size());
    const Candidate& candidate = candidates[i];
    if (cap.passes_over(candidate)) continue;
    const double served = static_cast<double>(candidate.recent + 1) / (candidate.weight * candidate.warmth);
    if (!best || served < least) {
      best = i;
      least = served;
    }
  }
  return best;
}

}  // namespace

std::string_view to_string(BalancePolicy policy) noexcept {
  switch (policy) {
    case BalancePolicy::kLeastConnections: return "least_connections";
    case BalancePolicy::kPowerOfTwo: return "power_of_two";
    case BalancePolicy::kRoundRobin: return "round_robin";
  }
  return "";
}

std::optional<std::size_t> choose_endpoint(BalancePolicy policy, std::span<const Candidate> candidates,
                                           std::uint64_t& turn, Random& random) {
  assert(std::all_of(candidates.begin(), candidates.end(),
                     [](const Candidate& one) { return one.weight > 0 && one.warmth > 0 && one.warmth <= 1; }));
  const SlowStartCap cap(candidates);
  switch (policy) {
    case BalancePolicy::kPowerOfTwo: return power_of_two(candidates, cap, random);
    case BalancePolicy::kRoundRobin: return round_robin(candidates, cap, turn++);
    case BalancePolicy::kLeastConnections: break;
  }
  return least_connections(candidates, cap, random);
}

double slow_start_share(Duration since, Duration window) noexcept {
  if (window <= Duration::zero() || since >= window) return 1;
  if (since <= Duration::zero()) return kLeastShare;
  const double part = std::chrono::duration<double>(since) / std::chrono::duration<double>(window);
  return kLeastShare + (1 - kLeastShare) * part;
}

}  // namespace hubgate::proxy
