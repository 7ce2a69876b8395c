#include "hub/lifetime/ack_handler.h"

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"

namespace hubgate::hub {
namespace {

using namespace std::chrono_literals;

struct Setup {
  Done note(int number) {
    return [this, number](const Result<void>& result) {
      told.push_back(std::to_string(number) + (result ? ": ack" : ": " + result.error().what));
    };
  }
  test::ManualTimers timers;
  AckHandler acks{timers, 30s};
  std::vector<std::string> told;
};

using Strings = std::vector<std::string>;

TEST_CASE("an ack ends the operation that has its number, once", "[lifetime]") {
  Setup setup;
  CHECK(setup.acks.create(setup.note(1)) == 1);
  CHECK(setup.acks.create(setup.note(2)) == 2);
  setup.acks.acknowledge(2);
  setup.acks.acknowledge(2);
  setup.acks.acknowledge(7);
  CHECK(setup.told == Strings{"2: ack"});
  CHECK(setup.acks.waiting() == 1);
}

TEST_CASE("an operation that nobody acks fails after its time", "[lifetime]") {
  Setup setup;
  setup.acks.create(setup.note(1));
  setup.timers.advance(10s);
  setup.acks.create(setup.note(2));
  setup.timers.advance(19s);
  CHECK(setup.told.empty());
  setup.timers.advance(1s);
  CHECK(setup.told == Strings{"1: no server has the connection"});
  setup.acks.acknowledge(1);
  setup.timers.advance(10s);
  CHECK(setup.told.size() == 2);
  CHECK_FALSE(setup.timers.has_running());
}

TEST_CASE("all that wait can be failed at once", "[lifetime]") {
  Setup setup;
  setup.acks.create(setup.note(1));
  setup.acks.create(setup.note(2));
  setup.acks.fail_all(make_error(ErrorCode::kUnavailable, "down"));
  CHECK(setup.told.size() == 2);
  CHECK_FALSE(setup.timers.has_running());
  SECTION("and whoever is told may ask anew") {
    Done again = [&](const Result<void>&) { setup.acks.create(setup.note(4)); };
    setup.acks.create(again);
    setup.acks.fail_all(make_error(ErrorCode::kUnavailable, "down"));
    CHECK(setup.acks.waiting() == 1);
  }
}

TEST_CASE("nobody need listen", "[lifetime]") {
  Setup setup;
  const auto id = setup.acks.create(nullptr);
  setup.acks.acknowledge(id);
  setup.acks.create(nullptr);
  setup.timers.advance(31s);
  CHECK(setup.acks.waiting() == 0);
}

}  // namespace
}  // namespace hubgate::hub
