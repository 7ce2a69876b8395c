#pragma once

#include <chrono>

namespace hubgate {

/// Monotonic time, for waits and ages.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// The time of day, for generations, Date headers and logs; given as an argument so that tests can set it.
class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual std::chrono::system_clock::time_point now() const { return std::chrono::system_clock::now(); }
};

}  // namespace hubgate
