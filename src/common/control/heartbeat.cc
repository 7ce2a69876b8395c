#include "common/control/heartbeat.h"

#include <utility>

namespace hubgate::control {

Heartbeat::Heartbeat(event::Timers& timers, Calls calls)
    : calls_(std::move(calls)), timer_(timers, [this] { beat(); }) {}

void Heartbeat::start() {
  unanswered_ = 0;
  timer_.start(kInterval);
}

void Heartbeat::beat() {
  timer_.start(kInterval);
  if (unanswered_ >= kUntilHung) {
    calls_.read();
    if (!timer_.is_running()) return;
    if (unanswered_ >= kUntilHung) {
      stop();
      return calls_.hung();
    }
  }
  ++unanswered_;
  calls_.ping();
}

}  // namespace hubgate::control
