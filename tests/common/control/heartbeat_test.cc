#include "common/control/heartbeat.h"

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"

using namespace hubgate;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  test::ManualTimers timers;
  int pings = 0;
  int reads = 0;
  int hung = 0;
  std::function<void()> on_read = [] {};
  control::Heartbeat heartbeat{timers,
                               {.ping = [this] { ++pings; },
                                .read =
                                    [this] {
                                      ++reads;
                                      on_read();
                                    },
                                .hung = [this] { ++hung; }}};
};

}  // namespace

TEST_CASE("a Ping goes out each second, and ten without an answer are one verdict", "[control]") {
  Fixture f;
  f.heartbeat.start();
  f.timers.advance(10s);
  CHECK(f.pings == 10);
  CHECK(f.hung == 0);
  f.timers.advance(1s);
  CHECK(f.hung == 1);
  f.timers.advance(1min);
  CHECK(f.pings == 10);
  CHECK(f.hung == 1);
}

TEST_CASE("an answer in ten seconds is enough", "[control]") {
  Fixture f;
  f.heartbeat.start();
  for (int i = 0; i < 10; ++i) {
    f.timers.advance(10s);
    f.heartbeat.answered();
  }
  CHECK(f.hung == 0);
}

TEST_CASE("time in which nobody sent a Ping counts for nothing", "[control]") {
  Fixture f;
  f.heartbeat.start();
  // We were stopped: one timer is due, whatever the clock says.
  for (int i = 0; i < 9; ++i) f.timers.jump(15s);
  CHECK(f.pings == 9);
  CHECK(f.reads == 0);
  CHECK(f.hung == 0);
}

TEST_CASE("an answer that waits to be read is read before the verdict", "[control]") {
  Fixture f;
  f.on_read = [&f] { f.heartbeat.answered(); };
  f.heartbeat.start();
  f.timers.advance(35s);
  CHECK(f.reads == 3);
  CHECK(f.hung == 0);
}

TEST_CASE("a heartbeat may be stopped by what it reads", "[control]") {
  Fixture f;
  f.on_read = [&f] { f.heartbeat.stop(); };
  f.heartbeat.start();
  f.timers.advance(1min);
  CHECK(f.reads == 1);
  CHECK(f.hung == 0);
}
