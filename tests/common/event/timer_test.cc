#include "common/event/timer.h"

#include <memory>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"

using namespace hubgate;
using namespace std::chrono_literals;

TEST_CASE("timers fire in the order of their times, each at its own", "[event]") {
  test::ManualTimers timers;
  std::string order;
  event::Timer late(timers, [&] { order += 'b'; });
  event::Timer early(timers, [&] { order += 'a'; });
  late.start(2s);
  early.start(1s);
  timers.advance(500ms);
  CHECK(order.empty());
  timers.advance(5s);
  CHECK(order == "ab");
  CHECK_FALSE(timers.has_running());
}

TEST_CASE("a destroyed or cancelled timer does not fire, a restarted one fires once", "[event]") {
  test::ManualTimers timers;
  int fired = 0;
  event::Timer cancelled(timers, [&] { ++fired; });
  event::Timer restarted(timers, [&] { fired += 10; });
  {
    event::Timer destroyed(timers, [&] { ++fired; });
    destroyed.start(1s);
  }
  cancelled.start(1s);
  cancelled.cancel();
  restarted.start(1s);
  restarted.start(3s);
  timers.advance(2s);
  CHECK(fired == 0);
  timers.advance(2s);
  CHECK(fired == 10);
}

TEST_CASE("a timer may destroy itself and restart others inside its call", "[event]") {
  test::ManualTimers timers;
  int fired = 0;
  event::Timer other(timers, [&] { ++fired; });
  std::unique_ptr<event::Timer> own;
  own = std::make_unique<event::Timer>(timers, [&] {
    own.reset();
    other.start(1s);
  });
  own->start(1s);
  timers.advance(3s);
  CHECK(own == nullptr);
  CHECK(fired == 1);
}
