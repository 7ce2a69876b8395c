#pragma once

#include "common/base/clock.h"
#include "tests/chaos/intervals.h"

namespace hubgate::chaos {

/// The time since a run began, by both clocks.
class RunClock {
 public:
  Instant now() const { return since(std::chrono::steady_clock::now()); }
  Instant since(TimePoint time) const { return std::chrono::duration_cast<Instant>(time - begun_); }
  /// Of a time that a log line carries.
  Instant since(std::chrono::system_clock::time_point time) const {
    return std::chrono::duration_cast<Instant>(time - wall_begun_);
  }

 private:
  TimePoint begun_ = std::chrono::steady_clock::now();
  std::chrono::system_clock::time_point wall_begun_ = std::chrono::system_clock::now();
};

}  // namespace hubgate::chaos
