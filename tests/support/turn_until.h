#pragma once

#include <chrono>

#include "common/event/loop.h"
#include "common/event/timer.h"

namespace hubgate::test {

/// Turns the loop until the condition holds; false when it does not within the limit, which only a failing test waits
/// for.
template <class Condition>
bool turn_until(event::Loop& loop, Condition condition, Duration limit = std::chrono::seconds(20)) {
  bool expired = false;
  event::Timer guard(loop, [&] { expired = true; });
  guard.start(limit);
  while (!condition()) {
    if (expired) return false;
    loop.turn(true);
  }
  return true;
}

/// Turns the loop until nothing is to be done at once: what sockets of this process said to each other has arrived.
inline void turn_until_idle(event::Loop& loop) {
  for (int quiet = 0; quiet < 8; ++quiet) loop.turn(false);
}

}  // namespace hubgate::test
