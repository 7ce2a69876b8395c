#include "hub/connections/gradual_closer.h"

namespace hubgate::hub {

GradualCloser::GradualCloser(event::Timers& timers, Random& random, HttpConnectionManager& connections)
    : timers_(timers), random_(random), connections_(connections), timer_(timers, [this] { step(); }) {}

void GradualCloser::start(std::optional<std::size_t> count, Duration spread) {
  all_ = !count.has_value();
  total_ = count.value_or(connections_.active());
  asked_ = 0;
  spread_ = spread;
  started_ = timers_.now();
  next_due_ = due_of(0);
  step();
}

TimePoint GradualCloser::due_of(std::size_t number) {
  if (number >= total_) return started_ + spread_;
  const double part = (static_cast<double>(number) + random_.fraction()) / static_cast<double>(total_);
  return started_ + std::chrono::duration_cast<Duration>(spread_ * part);
}

void GradualCloser::ask(std::size_t count) {
  if (all_) {
    connections_.shut_down(count);
  } else {
    connections_.shut_down_idle(count);
  }
}

void GradualCloser::step() {
  const TimePoint now = timers_.now();
  if (now >= started_ + spread_) {
    // Those that attached after the start, too; who was asked before pays no attention.
    ask(all_ ? connections_.active() : total_ - asked_);
    asked_ = total_;
    if (all_) timer_.start(HttpConnectionManager::kHeartbeat);
    return;
  }
  std::size_t due = 0;
  for (; next_due_ <= now && asked_ + due < total_; next_due_ = due_of(asked_ + due)) ++due;
  if (due > 0) ask(due);
  asked_ += due;
  timer_.start_at(next_due_);
}

}  // namespace hubgate::hub
