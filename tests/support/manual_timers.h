#pragma once

#include "common/event/timers.h"

namespace hubgate::test {

/// Time that moves only when told.
class ManualTimers final : public event::Timers {
 public:
  TimePoint now() const override { return now_; }
  /// Moves time and runs what becomes due, in order, each at its own time.
  void advance(Duration by) {
    const TimePoint end = now_ + by;
    while (earliest() && *earliest() <= end) {
      now_ = std::max(now_, *earliest());
      run_due(now_);
    }
    now_ = end;
  }
  /// Time passes while we stand still: what is due then runs once, late.
  void jump(Duration by) {
    now_ += by;
    run_due(now_);
  }
  bool has_running() const { return earliest().has_value(); }

 private:
  void earliest_changed() override {}
  TimePoint now_{std::chrono::hours(1)};
};

}  // namespace hubgate::test
