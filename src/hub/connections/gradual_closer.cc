#include "hub/connections/gradual_closer.h"

#include <algorithm>

namespace hubgate::hub {

GradualCloser::GradualCloser(event::Timers& timers, HttpConnectionManager& connections)
    : timers_(timers), connections_(connections), timer_(timers, [this] { step(); }) {}

void GradualCloser::start(std::optional<std::size_t> count, Duration spread) {
  all_ = !count.has_value();
  total_ = count.value_or(connections_.active());
  asked_ = 0;
  spread_ = spread;
  started_ = timers_.now();
  step();
}

void GradualCloser::step() {
  const Duration elapsed = timers_.now() - started_ + kStep;
  if (elapsed >= spread_) {
    // Those that attached after the start, too; who was asked before pays no attention.
    connections_.shut_down(all_ ? connections_.active() : total_ - asked_);
    asked_ = total_;
    if (all_) timer_.start(HttpConnectionManager::kHeartbeat);
    return;
  }
  const double part = static_cast<double>(elapsed.count()) / static_cast<double>(spread_.count());
  const auto due = static_cast<std::size_t>(part * static_cast<double>(total_));
  if (due > asked_) connections_.shut_down(due - asked_);
  asked_ = std::max(asked_, due);
  timer_.start(kStep);
}

}  // namespace hubgate::hub
