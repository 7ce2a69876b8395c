#include "proxy/pool/rebalancer.h"

#include <map>
#include <string>
#include <vector>

#include "proxy/pool/pool_runner.h"
#include "tests/proxy/pool/slot_world.h"

using namespace hubgate;
using namespace hubgate::control;
using namespace std::chrono_literals;
using proxy::PoolRunner;
using proxy::Rebalancer;

namespace {

constexpr std::uint64_t kEpoch = test::SlotWorld::kEpoch;

struct Fixture : test::SlotWorld {
  explicit Fixture(std::vector<std::uint64_t> loads, bool automatic = false) {
    proxy::PoolConfig config = pool.config();
    config.rebalance = automatic;
    config.drain_time = 20s;
    pool.set_config(config);
    runner.apply(spec(), static_cast<std::uint32_t>(loads.size()));
    runner.start();
    for (std::size_t i = 0; i < loads.size(); ++i) {
      const Spawn spawn = keeper.spawns[i];
      runner.adopt(process(spawn.id, spawn.spec_hash));
      worker().become_ready(kEpoch);
      worker().turn();
      has(i, loads[i]);
    }
  }
  void has(std::size_t slot, std::uint64_t active) {
    workers[slot]->say(Load{kEpoch, 0, active, 0});
    workers[slot]->turn();
  }
  // Time goes by, and each worker answers its Pings.
  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      timers.advance(1s);
      for (auto& worker : workers) {
        worker->say(Pong{0});
        worker->turn();
      }
    }
  }
  // What each worker was asked to let go so far: "count over seconds".
  std::vector<std::string> asked() {
    std::vector<std::string> all;
    for (auto& worker : workers) {
      worker->turn();
      std::string text;
      for (const ControlToWorker& message : worker->heard) {
        if (const auto* close = std::get_if<Close>(&message)) {
          text += std::to_string(close->count) + " over " + std::to_string(close->seconds) + ";";
        }
      }
      all.push_back(text);
    }
    return all;
  }
  PoolRunner runner{services, pool};
};

using Asked = std::vector<std::string>;

}  // namespace

TEST_CASE("each worker above its fair share is asked to let the rest go", "[proxy][slot]") {
  Fixture f({400, 0, 200});
  const auto told = f.runner.rebalance();
  REQUIRE(told.size() == 1);
  CHECK(told[0].endpoint->name() == "main/0");
  CHECK(told[0].active == 400);
  CHECK(f.asked() == Asked{"200 over 20;", "", ""});
  f.has(0, 201);
  f.has(1, 200);
  f.has(2, 201);
  CHECK(f.runner.rebalance().empty());  // no worker can have a part of a connection
}

TEST_CASE("a worker that takes no new clients has no part in it", "[proxy][slot]") {
  Fixture f({400, 100, 0});
  f.runner.find(2)->hold(true);
  CHECK(f.runner.rebalance().size() == 1);
  CHECK(f.asked() == Asked{"150 over 20;", "", ""});
  f.runner.restart();
  CHECK(f.runner.rebalance().empty());  // a restart moves everybody anyway
}

TEST_CASE("by itself the fullest is asked after a minute, and no more at a time than is bearable", "[proxy][slot]") {
  Fixture f({4000, 1000, 1000}, true);
  f.pass(65);
  CHECK(f.asked() == Asked{"", "", ""});
  f.pass(10);
  CHECK(f.asked() == Asked{"600 over 60;", "", ""});
  f.pass(50);
  CHECK(f.asked() == Asked{"600 over 60;", "", ""});
  f.pass(15);
  CHECK(f.asked() == Asked{"600 over 60;600 over 60;", "", ""});

  // Even enough; and uneven again for less than a minute.
  f.has(0, 2400);
  f.has(1, 1800);
  f.has(2, 1800);
  f.pass(120);
  f.has(0, 4000);
  f.pass(50);
  f.has(0, 2400);
  f.pass(20);
  f.has(0, 4000);
  f.pass(50);
  CHECK(f.asked() == Asked{"600 over 60;600 over 60;", "", ""});
}

TEST_CASE("a few connections more are not worth a reconnect, and nothing is done unasked", "[proxy][slot]") {
  Fixture few({10, 0}, true);
  few.pass(300);
  CHECK(few.asked() == Asked{"", ""});
  Fixture off({4000, 0});
  off.pass(300);
  CHECK(off.asked() == Asked{"", ""});
}
