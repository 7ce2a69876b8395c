#include "hub/connections/gradual_closer.h"

#include "tests/hub/connections/manager_fixture.h"
#include "tests/support/catch.h"

namespace hubgate::hub {
namespace {

using test::ManagerFixture;
using namespace std::chrono_literals;

struct CloserFixture : ManagerFixture {
  int asked() const {
    int sum = 0;
    for (const auto& recorder : acceptor.recorders) sum += recorder->shutdowns > 0 ? 1 : 0;
    return sum;
  }
  void open_many(int count) {
    for (int i = 0; i < count; ++i) clients.push_back(open());
  }
  void send(int client) {
    hubgate::test::write_all(clients[static_cast<std::size_t>(client)].get(), hub::test::text_frame("x"));
    run();
  }
  std::vector<Descriptor> clients;
  SeededRandom chance{7};
  GradualCloser closer{timers, chance, manager};
};

TEST_CASE("clients are asked to go evenly over the time given", "[hub][connections]") {
  CloserFixture fixture;
  fixture.open_many(100);
  fixture.closer.start(std::nullopt, 10s);
  CHECK(fixture.asked() == 0);
  bool in_step = true;
  for (int tenth = 1; tenth <= 100; ++tenth) {
    fixture.timers.advance(50ms);
    in_step = in_step && fixture.asked() == tenth;
    fixture.timers.advance(50ms);
    CHECK(fixture.asked() == tenth);  // one in each tenth of a second, at any point of it
  }
  CHECK_FALSE(in_step);
}

TEST_CASE("without a spread all are asked at once, and those who come later, too", "[hub][connections]") {
  CloserFixture fixture;
  fixture.open_many(3);
  fixture.closer.start(std::nullopt, 0s);
  CHECK(fixture.asked() == 3);
  fixture.open_many(1);
  fixture.timers.advance(1s);
  CHECK(fixture.asked() == 4);
  fixture.closer.cancel();
  fixture.open_many(1);
  fixture.timers.advance(5s);
  CHECK(fixture.asked() == 4);
}

TEST_CASE("a number of clients is asked, no more", "[hub][connections]") {
  CloserFixture fixture;
  fixture.open_many(10);
  fixture.closer.start(4, 1s);
  fixture.timers.advance(5s);
  CHECK(fixture.asked() == 4);
  CHECK_FALSE(fixture.closer.is_running());
}

TEST_CASE("of a number of clients those are asked that have been idle for longest", "[hub][connections]") {
  CloserFixture fixture;
  fixture.open_many(6);
  for (int busy : {1, 4}) {
    fixture.timers.advance(2s);
    fixture.send(busy);  // the heartbeat before it counts
  }
  fixture.closer.start(4, 1s);
  fixture.timers.advance(3s);
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < fixture.acceptor.recorders.size(); ++i) {
    if (fixture.acceptor.recorders[i]->shutdowns > 0) asked.push_back(i);
  }
  CHECK(asked == std::vector<std::size_t>{0, 2, 3, 5});

  // Who was asked is not asked again, however long it takes to go.
  fixture.closer.start(2, 0s);
  CHECK(fixture.asked() == 6);
  for (const auto& recorder : fixture.acceptor.recorders) CHECK(recorder->shutdowns == 1);
}

}  // namespace
}  // namespace hubgate::hub
