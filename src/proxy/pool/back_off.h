#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace hubgate::proxy {

/// How long to wait before a process is started again: 100 ms doubled up to 30 s, each shortened by up
/// to a half at random; from the start after 60 s of life. Five ends in 60 s: broken, tries go on at the longest wait.
class BackOff {
 public:
  explicit BackOff(Random& random) : random_(random) {}

  /// The process lived for `life` and ended, or did not start (zero). Returns the wait before the next start.
  Duration after_end(TimePoint now, Duration life) {
    if (life >= kStableLife) {
      failures_ = 0;
      ends_.clear();
    }
    ends_.push_back(now);
    while (now - ends_.front() > kWindow) ends_.pop_front();
    broken_ = ends_.size() >= kEndsUntilBroken;
    const Duration whole =
        broken_ ? Duration(kLongest) : std::min<Duration>(kLongest, kFirst * (1LL << std::min(failures_, 20U)));
    ++failures_;
    return std::chrono::duration_cast<Duration>(whole * (1.0 - random_.fraction() / 2));
  }
  /// As if nothing had ended: an operator has changed something.
  void reset() {
    failures_ = 0;
    ends_.clear();
    broken_ = false;
  }
  /// Someone should look at it.
  bool is_broken() const { return broken_; }

  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::seconds kLongest{30};
  static constexpr std::chrono::seconds kStableLife{60};
  static constexpr std::chrono::seconds kWindow{60};
  static constexpr std::size_t kEndsUntilBroken = 5;

 private:
  Random& random_;
  std::deque<TimePoint> ends_;
  unsigned failures_ = 0;
  bool broken_ = false;
};

}  // namespace hubgate::proxy
