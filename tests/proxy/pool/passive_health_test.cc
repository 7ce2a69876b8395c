#include "proxy/pool/passive_health.h"

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

const TimePoint kBegin = TimePoint(1h);

bool fail(PassiveHealth& health, int times) {
  bool last = false;
  for (int i = 0; i < times; ++i) last = health.failed();
  return last;
}

}  // namespace

TEST_CASE("five failures in a row are enough, and one answer between them makes good", "[proxy][pool]") {
  PassiveHealth health;
  CHECK_FALSE(fail(health, 4));
  health.succeeded();
  CHECK_FALSE(fail(health, 4));
  CHECK(health.failed());
  CHECK(health.failed());  // said until somebody does it
  health.eject(kBegin);
  CHECK(health.is_ejected());
  CHECK_FALSE(health.failed());  // of requests that had a token for it
  health.take_back(kBegin + 5s);
  CHECK_FALSE(fail(health, 4));  // it begins anew
  CHECK(health.failed());
}

TEST_CASE("an ejection that follows another is longer by five seconds, up to a minute", "[proxy][pool]") {
  PassiveHealth health;
  TimePoint now = kBegin;
  for (int n = 1; n <= 20; ++n) {
    const Duration time = health.eject(now);
    CHECK(time == std::min<Duration>(5s * n, 60s));
    CHECK(health.ejections() == static_cast<std::uint32_t>(n));
    now += time;
    health.take_back(now);
    now += 59s;
  }
}

TEST_CASE("a minute without an ejection lets the ones before be forgotten", "[proxy][pool]") {
  PassiveHealth health;
  CHECK(health.eject(kBegin) == 5s);
  health.take_back(kBegin + 5s);
  CHECK(health.eject(kBegin + 10s) == 10s);
  health.take_back(kBegin + 20s);
  CHECK(health.eject(kBegin + 80s) == 5s);
}
