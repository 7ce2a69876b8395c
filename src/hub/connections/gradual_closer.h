#pragma once

#include <cstddef>
#include <optional>

#include "common/event/timer.h"
#include "hub/connections/http_connection_manager.h"

namespace hubgate::hub {

/// Asks clients to go, spread over a time, so that they do not all come back at once: drains, rebalancing, stops.
class GradualCloser {
 public:
  /// Both must outlive this object.
  GradualCloser(event::Timers& timers, HttpConnectionManager& connections);

  /// Asks `count` connections over `spread`; nothing means all, those included that attach later, until cancel(). A
  /// new start replaces the last. The first are asked at once.
  void start(std::optional<std::size_t> count, Duration spread);
  void cancel() { timer_.cancel(); }
  bool is_running() const { return timer_.is_running(); }

  static constexpr Duration kStep = std::chrono::milliseconds(100);

 private:
  void step();

  event::Timers& timers_;
  HttpConnectionManager& connections_;
  event::Timer timer_;
  TimePoint started_{};
  Duration spread_{};
  std::size_t total_ = 0;
  std::size_t asked_ = 0;
  bool all_ = false;
};

}  // namespace hubgate::hub
