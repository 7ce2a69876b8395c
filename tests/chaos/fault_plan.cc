#include "tests/chaos/fault_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "common/base/random.h"

namespace hubgate::chaos {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kKinds = static_cast<std::size_t>(FaultKind::kCount);

/// How long a fault lasts, from and to, and how long after it the gateway may need until it is whole again.
struct Row {
  std::string_view name;
  milliseconds shortest;
  milliseconds longest;
  milliseconds recovery;
};

constexpr std::array<Row, kKinds> kRows = {{
    {"kill-worker", milliseconds(0), milliseconds(0), milliseconds(2'000)},
    {"term-worker", milliseconds(0), milliseconds(0), milliseconds(5'000)},
    {"stop-worker", milliseconds(500), milliseconds(6'000), milliseconds(1'000)},
    {"hang-worker", milliseconds(16'000), milliseconds(18'000), milliseconds(2'000)},
    {"kill-proxy", milliseconds(0), milliseconds(0), milliseconds(2'000)},
    {"term-proxy", milliseconds(0), milliseconds(0), milliseconds(3'000)},
    {"stop-proxy", milliseconds(500), milliseconds(6'000), milliseconds(1'000)},
    {"hang-proxy", milliseconds(16'000), milliseconds(18'000), milliseconds(2'000)},
    {"kill-redis", milliseconds(0), milliseconds(0), milliseconds(3'000)},
    {"stop-redis", milliseconds(300), milliseconds(3'000), milliseconds(1'000)},
    {"hang-redis", milliseconds(7'000), milliseconds(11'000), milliseconds(4'000)},
    {"drop-links", milliseconds(0), milliseconds(0), milliseconds(1'000)},
    {"reload", milliseconds(0), milliseconds(0), milliseconds(1'000)},
    {"reload-broken", milliseconds(500), milliseconds(4'000), milliseconds(1'000)},
    {"resize", milliseconds(2'000), milliseconds(8'000), milliseconds(5'000)},
    {"new-command", milliseconds(0), milliseconds(0), milliseconds(12'000)},
    {"restart", milliseconds(0), milliseconds(0), milliseconds(12'000)},
    {"drain", milliseconds(1'000), milliseconds(6'000), milliseconds(1'000)},
    {"rebalance", milliseconds(0), milliseconds(0), milliseconds(4'000)},
    {"kill-clients", milliseconds(0), milliseconds(0), milliseconds(1'000)},
    {"slow-clients", milliseconds(1'000), milliseconds(6'000), milliseconds(1'000)},
    {"stuck-clients", milliseconds(20'000), milliseconds(22'000), milliseconds(1'000)},
    {"stop-gateway", milliseconds(15'000), milliseconds(15'000), milliseconds(3'000)},
}};

const Row& row_of(FaultKind kind) { return kRows[static_cast<std::size_t>(kind)]; }

milliseconds between(Random& random, milliseconds least, milliseconds most) {
  const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
  return least + milliseconds(static_cast<std::int64_t>(random.below(span)));
}

/// Draws kinds in rounds, so that none is missed for long; only those that last at most `room` with their recovery.
class Deck {
 public:
  Deck(Random& random, std::vector<FaultKind> kinds) : random_(random), kinds_(std::move(kinds)) {}

  /// kCount when none fits.
  FaultKind draw(Instant room) {
    if (!any_fits(room)) {
      shuffle();
      if (!any_fits(room)) return FaultKind::kCount;
    }
    const auto found = std::find_if(left_.begin(), left_.end(), [&](FaultKind kind) { return fits(kind, room); });
    const FaultKind kind = *found;
    left_.erase(found);
    return kind;
  }

 private:
  static bool fits(FaultKind kind, Instant room) { return row_of(kind).longest + row_of(kind).recovery <= room; }
  bool any_fits(Instant room) const {
    return std::any_of(left_.begin(), left_.end(), [&](FaultKind kind) { return fits(kind, room); });
  }
  void shuffle() {
    left_ = kinds_;
    for (std::size_t i = left_.size() - 1; i > 0; --i) std::swap(left_[i], left_[random_.below(i + 1)]);
  }

  Random& random_;
  const std::vector<FaultKind> kinds_;
  std::vector<FaultKind> left_;
};

}  // namespace

std::string_view to_string(FaultKind kind) noexcept {
  return kind < FaultKind::kCount ? row_of(kind).name : std::string_view("?");
}

std::optional<FaultKind> parse_fault_kind(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (kRows[i].name == name) return static_cast<FaultKind>(i);
  }
  return std::nullopt;
}

std::vector<PlannedFault> make_plan(std::uint64_t seed, Instant length, const std::vector<FaultKind>& kinds) {
  SeededRandom random(seed);
  std::vector<FaultKind> chosen = kinds;
  for (std::size_t i = 0; kinds.empty() && i < kKinds; ++i) chosen.push_back(static_cast<FaultKind>(i));
  Deck deck(random, std::move(chosen));
  std::vector<PlannedFault> plan;
  Instant now = seconds(1);  // everything works for a moment
  for (;;) {
    // One fault alone half of the time: what several did is hard to read.
    const std::uint64_t draw = random.below(8);
    const int faults = draw < 4 ? 1 : draw < 6 ? 2 : draw < 7 ? 3 : 4;
    Instant end = now;
    milliseconds spread(500);
    for (int i = 0; i < faults; ++i) {
      const Instant at = now + between(random, milliseconds(0), spread);
      const FaultKind kind = deck.draw(length - at);
      if (kind == FaultKind::kCount) break;
      const Row& row = row_of(kind);
      const milliseconds lasts = between(random, row.shortest, row.longest);
      plan.push_back({at, kind, lasts, static_cast<std::uint32_t>(random.below(1'000'000))});
      end = std::max(end, at + lasts + duration_cast<Instant>(row.recovery));
      // The others while it lasts, or while the gateway still recovers from it.
      spread = std::max(spread, lasts + row.recovery / 2);
    }
    if (end == now) break;
    now = end + between(random, milliseconds(500), milliseconds(4'000));
  }
  std::stable_sort(plan.begin(), plan.end(), [](const PlannedFault& a, const PlannedFault& b) { return a.at < b.at; });
  return plan;
}

std::string to_string(const PlannedFault& fault) {
  char text[96];
  std::snprintf(text, sizeof text, "%8.3f %-14s for %6.3f choice %u", static_cast<double>(fault.at.count()) / 1e6,
                std::string(to_string(fault.kind)).c_str(), static_cast<double>(fault.lasts.count()) / 1e6,
                fault.choice);
  return text;
}

}  // namespace hubgate::chaos
