#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/clock.h"

namespace hubgate::proxy {

/// Judges a remote endpoint by how the requests go that are sent to it anyway, without asking it: after some failures
/// in a row to connect or to get an answer's head it is to be ejected, longer each time. A value without a clock;
/// whether an endpoint may be spared is the pool's to say.
class PassiveHealth {
 public:
  static constexpr std::uint32_t kMostFailures = 5;  // in a row
  static constexpr Duration kEjection = std::chrono::seconds(5);
  static constexpr Duration kLongestEjection = std::chrono::seconds(60);
  static constexpr Duration kForgetting = std::chrono::seconds(60);  // without an ejection, and the next is a first one

  void succeeded() { failures_ = 0; }
  /// True: it is to be ejected. Said again with each further failure, for as long as nobody does it.
  bool failed() { return ++failures_ >= kMostFailures && !ejected_; }
  /// For how long: five seconds more than the last time, where there was one lately.
  Duration eject(TimePoint now) {
    if (ejections_ > 0 && now - back_since_ >= kForgetting) ejections_ = 0;
    ejected_ = true;
    return std::min<Duration>(kEjection * ++ejections_, kLongestEjection);
  }
  void take_back(TimePoint now) {
    ejected_ = false;
    failures_ = 0;
    back_since_ = now;
  }

  bool is_ejected() const { return ejected_; }
  std::uint32_t ejections() const { return ejections_; }  // in a row, this one too

 private:
  std::uint32_t failures_ = 0;
  std::uint32_t ejections_ = 0;
  TimePoint back_since_{};
  bool ejected_ = false;
};

}  // namespace hubgate::proxy
