#include "proxy/pool/pool_runner.h"

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "tests/proxy/pool/slot_world.h"

using namespace hubgate;
using namespace hubgate::control;
using namespace std::chrono_literals;
using proxy::PoolRunner;

namespace {

constexpr std::uint64_t kEpoch = test::SlotWorld::kEpoch;

struct Fixture : test::SlotWorld {
  PoolRunner runner{services, pool};
  std::map<std::uint32_t, test::ScriptedWorker*> by_slot;  // the youngest of each
  std::size_t started = 0;                                 // of the spawns

  // Every process that was asked for runs.
  void run_all(bool ready = true) {
    while (started < keeper.spawns.size()) {
      const Spawn spawn = keeper.spawns[started++];
      runner.adopt(process(spawn.id, spawn.spec_hash));
      by_slot[spawn.id.slot] = &worker();
      if (!ready) continue;
      worker().become_ready(kEpoch);
      worker().turn();
    }
    runner.advance();
  }
  void begin(std::uint32_t slots) {
    runner.apply(spec(), slots);
    runner.start();
    run_all();
    REQUIRE(keeper.spawns.size() == slots);
  }
  void exit(const SlotId& id) {
    if (auto* slot = runner.find(id.slot)) slot->on_exited({id, 1, 0});
    loop.turn(false);
    runner.advance();
  }
  std::vector<std::uint32_t> slots() const {
    std::vector<std::uint32_t> numbers;
    for (const auto& slot : runner.slots()) numbers.push_back(slot->slot());
    return numbers;
  }
  std::size_t drains(test::ScriptedWorker& worker) {
    worker.turn();
    return worker.count<Drain>();
  }
  std::size_t ready_endpoints() const {
    std::size_t count = 0;
    for (const proxy::Endpoint* one : pool.endpoints()) count += one->is_available() ? 1U : 0U;
    return count;
  }
};

}  // namespace

TEST_CASE("a pool that grows starts only the difference, one that shrinks drains only that", "[proxy][slot]") {
  Fixture f;
  f.begin(2);
  f.runner.apply(f.spec(), 4);
  CHECK(f.keeper.spawns.size() == 4);
  f.run_all();
  CHECK(f.ready_endpoints() == 4);
  f.runner.apply(f.spec(), 1);
  CHECK(f.ready_endpoints() == 1);
  CHECK(f.drains(*f.by_slot[0]) == 0);
  for (const std::uint32_t slot : {1U, 2U, 3U}) CHECK(f.drains(*f.by_slot[slot]) == 1);

  // Grown again before it has ended: the same worker.
  f.exit(f.keeper.spawns[3].id);
  f.runner.apply(f.spec(), 2);
  CHECK(f.by_slot[1]->count<Undrain>() == 0);
  f.by_slot[1]->turn();
  CHECK(f.by_slot[1]->count<Undrain>() == 1);
  CHECK(f.keeper.spawns.size() == 4);
  CHECK(f.ready_endpoints() == 2);
  f.exit(f.keeper.spawns[2].id);
  CHECK(f.slots() == std::vector<std::uint32_t>{0, 1});
  CHECK(f.runner.restart_status().number == 0);
}

TEST_CASE("a rolling restart takes one slot after the other, the new worker first", "[proxy][slot]") {
  Fixture f;
  f.begin(3);
  const bool by_new_command = GENERATE(true, false);
  if (by_new_command) {
    f.runner.apply(f.spec("/bin/other"), 3);
  } else {
    f.runner.restart();
  }
  CHECK(f.runner.restart_status().number == 1);
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    INFO("slot " << slot);
    test::ScriptedWorker& old = *f.by_slot[slot];
    REQUIRE(f.keeper.spawns.size() == 4 + slot);  // no other has its turn
    CHECK(f.keeper.spawns.back().id.slot == slot);
    PoolRunner::Restart status = f.runner.restart_status();
    CHECK(status.under_way);
    CHECK(status.done == slot);
    CHECK(status.slots == 3);
    CHECK(status.slot == "main/" + std::to_string(slot));
    CHECK_FALSE(status.draining);
    CHECK(f.drains(old) == 0);
    CHECK(f.ready_endpoints() == 3);
    f.run_all();
    CHECK(f.drains(old) == 1);
    CHECK(f.ready_endpoints() == 3);
    old.say(State{true, true});
    old.say(Load{kEpoch, 0, 17, 0});
    old.turn();
    status = f.runner.restart_status();
    CHECK(status.draining);
    CHECK(status.left == 17);
    f.exit(f.keeper.spawns[slot].id);
  }
  CHECK_FALSE(f.runner.restart_status().under_way);
  CHECK(f.runner.restart_status().done == 3);
  CHECK(f.keeper.spawns.size() == 6);
  f.timers.advance(1s);
  CHECK(f.keeper.spawns.size() == 6);
}

TEST_CASE("what comes during a rolling restart goes to the new workers", "[proxy][slot]") {
  Fixture f;
  f.begin(3);
  f.runner.restart();
  f.run_all();
  for (int i = 0; i < 20; ++i) {
    const proxy::Endpoint* chosen = f.pool.choose(f.random);
    REQUIRE(chosen != nullptr);
    CHECK(chosen->key().generation == f.keeper.spawns.back().id.generation);
    CHECK(chosen->name() == "main/0");
    CHECK(chosen->warmth() == 1);
  }
}

TEST_CASE("a new worker that keeps ending holds the restart up, and all old ones serve", "[proxy][slot]") {
  Fixture f;
  f.begin(2);
  f.runner.apply(f.spec("/bin/broken"), 2);
  for (int i = 0; i < 5; ++i) {
    f.run_all(false);
    f.exit(f.keeper.spawns.back().id);
    f.timers.advance(2s);
  }
  CHECK(f.runner.restart_status().failing);
  CHECK(f.runner.restart_status().slot == "main/0");
  CHECK(f.ready_endpoints() == 2);
  CHECK(f.drains(*f.by_slot[1]) == 0);
  f.runner.apply(f.spec(), 2);  // as it was
  CHECK_FALSE(f.runner.restart_status().under_way);
  CHECK(f.runner.restart_status().done == 2);
  CHECK(f.ready_endpoints() == 2);
}

TEST_CASE("a second restart begins anew, also for those that the first has replaced", "[proxy][slot]") {
  Fixture f;
  f.begin(1);
  f.runner.restart();
  f.run_all();
  f.runner.restart();
  CHECK(f.runner.restart_status().number == 2);
  CHECK(f.keeper.spawns.size() == 2);  // two generations are the most
  f.exit(f.keeper.spawns[0].id);
  REQUIRE(f.keeper.spawns.size() == 3);
  f.run_all();
  f.exit(f.keeper.spawns[1].id);
  CHECK_FALSE(f.runner.restart_status().under_way);
}

TEST_CASE("workers of an earlier proxy that run otherwise are replaced one after the other", "[proxy][slot]") {
  Fixture f;
  f.runner.apply(f.spec(), 2);
  for (const std::uint32_t slot : {0U, 1U, 2U}) {
    f.runner.adopt(f.process({"main", slot, 1'600'000'000}, slot == 2 ? f.spec().hash() : "another"));
    f.by_slot[slot] = &f.worker();
    f.worker().become_ready(kEpoch);
    f.worker().turn();
  }
  f.runner.start();
  f.runner.advance();
  CHECK(f.keeper.spawns.size() == 1);
  CHECK(f.drains(*f.by_slot[0]) == 0);
  CHECK(f.drains(*f.by_slot[1]) == 0);
  CHECK(f.drains(*f.by_slot[2]) == 1);  // of a slot that is not wanted
  CHECK(f.runner.restart_status().slots == 2);
}

TEST_CASE("a pool that is no more drains all and keeps no slot", "[proxy][slot]") {
  Fixture f;
  f.begin(2);
  f.runner.apply(f.spec(), 0);
  CHECK(f.ready_endpoints() == 0);
  for (const std::uint32_t slot : {0U, 1U}) {
    CHECK(f.drains(*f.by_slot[slot]) == 1);
    f.exit(f.keeper.spawns[slot].id);
  }
  CHECK(f.runner.slots().empty());
}
