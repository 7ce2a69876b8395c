#pragma once

#include <cstddef>
#include <optional>

#include "common/base/random.h"
#include "common/event/timer.h"
#include "hub/connections/http_connection_manager.h"

namespace hubgate::hub {

/// Asks clients to go, spread over a time, so that they do not all come back at once: drains, rebalancing, stops. The
/// i-th of n is asked at (i + chance in [0, 1)) · spread / n: evenly, and not in step with other workers.
class GradualCloser {
 public:
  /// All must outlive this object.
  GradualCloser(event::Timers& timers, Random& random, HttpConnectionManager& connections);

  /// Asks `count` connections over `spread`, each time those that have been idle for longest; nothing means all, those
  /// included that attach later, until cancel(). A new start replaces the last.
  void start(std::optional<std::size_t> count, Duration spread);
  void cancel() { timer_.cancel(); }
  bool is_running() const { return timer_.is_running(); }

 private:
  void step();
  void ask(std::size_t count);
  TimePoint due_of(std::size_t number);

  event::Timers& timers_;
  Random& random_;
  HttpConnectionManager& connections_;
  event::Timer timer_;
  TimePoint started_{};
  Duration spread_{};
  TimePoint next_due_{};
  std::size_t total_ = 0;
  std::size_t asked_ = 0;
  bool all_ = false;
};

}  // namespace hubgate::hub
