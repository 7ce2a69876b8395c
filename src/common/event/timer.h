#pragma once

#include <functional>

#include "common/event/timers.h"

namespace hubgate::event {

/// Calls back once after a time. It *is* its registration: destroying it cancels. As a member of its owner its
/// function may hold the owner's `this`. Calls back last: the function may destroy or restart the timer.
class Timer {
 public:
  Timer(Timers& timers, std::function<void()> on_expired) : timers_(timers), on_expired_(std::move(on_expired)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Starts, or starts anew. A time in the past fires in the next turn.
  void start(Duration after) { start_at(timers_.now() + after); }
  void start_at(TimePoint when);
  void cancel();
  bool is_running() const { return running_; }
  /// When it is due; meaningful while it runs.
  TimePoint due() const { return due_; }

 private:
  friend class Timers;
  Timers& timers_;
  std::function<void()> on_expired_;
  TimePoint due_{};
  bool running_ = false;
};

}  // namespace hubgate::event
