#pragma once

#include <functional>

#include "common/base/clock.h"
#include "common/event/timer.h"

namespace hubgate::control {

/// Finds out that a process lives and does not work: a Ping a second, and hung is who has left ten of them without an
/// answer. Counted are Pings, never time: one is sent at least a second after the last, by a loop that runs, and
/// before the verdict all that has come is read. So nobody is judged for a time in which we stood still ourselves.
/// Owned by the side that judges; one thread.
class Heartbeat {
 public:
  struct Calls {
    std::function<void()> ping;  // sends one; that there is no room for it is no excuse
    std::function<void()> read;  // delivers what has come; may call answered() and stop()
    std::function<void()> hung;  // last call; the heartbeat has stopped
  };
  Heartbeat(event::Timers& timers, Calls calls);

  /// The first Ping goes out after a second.
  void start();
  void stop() { timer_.cancel(); }
  void answered() { unanswered_ = 0; }

  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr int kUntilHung = 10;

 private:
  void beat();

  Calls calls_;
  int unanswered_ = 0;
  event::Timer timer_;
};

}  // namespace hubgate::control
