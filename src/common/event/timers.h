#pragma once

#include <optional>
#include <set>
#include <utility>

#include "common/base/clock.h"

namespace hubgate::event {

class Timer;

/// Where timers get their time from: the Loop in programs, ManualTimers in tests. One thread.
class Timers {
 public:
  virtual ~Timers() = default;
  virtual TimePoint now() const = 0;

 protected:
  /// When the earliest running timer is due; nothing when none runs.
  std::optional<TimePoint> earliest() const;
  /// Runs every timer that is due at `now`, in the order of their times.
  void run_due(TimePoint now);
  /// Called when `earliest()` may have moved.
  virtual void earliest_changed() = 0;

 private:
  friend class Timer;
  std::set<std::pair<TimePoint, Timer*>> running_;
};

}  // namespace hubgate::event
