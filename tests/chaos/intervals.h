#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace hubgate::chaos {

/// Time since the run began. The log's lines are only good to a millisecond.
using Instant = std::chrono::microseconds;
inline constexpr Instant kNever = Instant::max();

/// From `from` to before `to`; kNever: still going on.
struct Interval {
  Instant from{};
  Instant to = kNever;

  bool touches(Instant begin, Instant end) const { return from <= end && begin <= to; }
  bool covers(Instant begin, Instant end) const { return from <= begin && end <= to; }
};

/// What was so for a while, several times.
class Intervals {
 public:
  /// Begins one, unless one is going on.
  void begin(Instant at) {
    if (!is_open()) all_.push_back({at, kNever});
  }
  /// Ends the one that is going on, if any.
  void end(Instant at) {
    if (is_open()) all_.back().to = std::max(at, all_.back().from);
  }
  void add(Interval one) { all_.push_back(one); }
  bool is_open() const { return !all_.empty() && all_.back().to == kNever; }

  bool touches(Instant begin, Instant end) const {
    return std::any_of(all_.begin(), all_.end(), [&](const Interval& one) { return one.touches(begin, end); });
  }
  bool covers(Instant begin, Instant end) const {
    return std::any_of(all_.begin(), all_.end(), [&](const Interval& one) { return one.covers(begin, end); });
  }
  const std::vector<Interval>& all() const { return all_; }

 private:
  std::vector<Interval> all_;
};

}  // namespace hubgate::chaos
