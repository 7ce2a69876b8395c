#include "common/event/timer.h"

namespace hubgate::event {

std::optional<TimePoint> Timers::earliest() const {
  if (running_.empty()) return std::nullopt;
  return running_.begin()->first;
}

void Timers::run_due(TimePoint now) {
  // Timers started meanwhile are due after `now`: run_due is given one moment, so a timer of zero cannot keep us here
  // for ever as long as time moves; start_at() at or before `now` is the caller's wish and runs in this round.
  while (!running_.empty() && running_.begin()->first <= now) {
    Timer* timer = running_.begin()->second;
    running_.erase(running_.begin());
    timer->running_ = false;
    const auto call = timer->on_expired_;  // the timer may be destroyed inside the call
    call();
  }
}

void Timer::start_at(TimePoint when) {
  if (running_) timers_.running_.erase({due_, this});
  due_ = when;
  running_ = true;
  timers_.running_.insert({due_, this});
  timers_.earliest_changed();
}

void Timer::cancel() {
  if (!running_) return;
  running_ = false;
  timers_.running_.erase({due_, this});
  timers_.earliest_changed();
}

}  // namespace hubgate::event
