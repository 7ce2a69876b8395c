#include "proxy/pool/slot_runner.h"

#include <sys/wait.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/proxy/pool/slot_world.h"

using namespace hubgate;
using namespace hubgate::control;
using namespace std::chrono_literals;
using proxy::SlotRunner;

namespace {

constexpr std::uint64_t kEpoch = test::SlotWorld::kEpoch;
constexpr std::uint32_t kEndpoint = 42;

struct Fixture : test::SlotWorld {
  SlotRunner runner{services, pool, spec(), 0, kEndpoint};

  // The process of the last spawn request runs.
  test::ScriptedWorker& run(const std::string& spec_hash = spec().hash()) {
    return run_as(keeper.spawns.back().id.generation, spec_hash);
  }
  test::ScriptedWorker& run_as(std::uint32_t generation, const std::string& spec_hash) {
    runner.adopt(process({"main", 0, generation}, spec_hash));
    return *workers.back();
  }
  test::ScriptedWorker& run_until_ready() {
    test::ScriptedWorker& worker = run();
    worker.become_ready(kEpoch);
    worker.turn();
    REQUIRE(runner.is_ready());
    return worker;
  }
  void exit(std::uint32_t generation, int status = SIGKILL) {
    runner.on_exited({{"main", 0, generation}, 1, status});
    loop.turn(false);
  }
};

}  // namespace

TEST_CASE("a slot asks for a worker with links, and shows it to the pool as an endpoint", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  f.runner.start();
  REQUIRE(f.keeper.spawns.size() == 1);
  CHECK(f.keeper.spawns[0].id == SlotId{"main", 0, 1'700'000'000});
  CHECK(f.keeper.spawns[0].limits.links);
  CHECK_FALSE(f.runner.is_idle());
  test::ScriptedWorker& worker = f.run();
  REQUIRE(f.pool.endpoints().size() == 1);
  CHECK(f.pool.endpoints()[0]->name() == "main/0");
  CHECK_FALSE(f.pool.has_ready_endpoint());
  worker.turn();
  REQUIRE(worker.count<Welcome>() == 1);
  const auto& welcome = std::get<Welcome>(worker.heard.back());
  CHECK(welcome.endpoint == kEndpoint);
  CHECK(f.affinity.find(welcome.tag + "0123456789012345678901").affinity == proxy::Affinity::kFound);
  worker.say(Hello{.epoch = kEpoch});
  worker.say(Path{kEpoch, "/chat", "Demo.ChatHub", "", {}, "", {}});
  worker.say_on_handover(Hello{.epoch = kEpoch});
  worker.say(Ready{kEpoch, "", false, 0, false});
  worker.turn();
  CHECK(f.pool.has_ready_endpoint());
  CHECK(f.hub_paths.find("main", "/chat").part == proxy::HubPart::kConnect);
  CHECK(f.changes > 0);
}

TEST_CASE("a dead worker is started again with growing waits, as a later generation each time", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  std::uint32_t last = 0;
  Duration waited{};
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t generation = f.keeper.spawns.back().id.generation;
    CHECK(generation > last);  // though the clock stands still
    last = generation;
    f.run_until_ready();
    f.exit(generation);
    CHECK(f.pool.endpoints().empty());
    CHECK(f.keeper.spawns.size() == static_cast<std::size_t>(i) + 1);
    // Between a half of the whole wait and the whole of it.
    const Duration whole = 100ms * (1 << i);
    f.timers.advance(whole / 2 - 1ms);
    CHECK(f.keeper.spawns.size() == static_cast<std::size_t>(i) + 1);
    f.timers.advance(whole / 2 + 1ms);
    CHECK(f.keeper.spawns.size() == static_cast<std::size_t>(i) + 2);
    waited += whole;
  }
  CHECK(f.runner.restarts() == 4);
  CHECK_FALSE(f.runner.is_failed());
  f.run();
  f.exit(f.keeper.spawns.back().id.generation);
  CHECK(f.runner.is_failed());  // five in a minute
  CHECK(f.runner.ends().at("signal_9") == 5);
  const std::size_t before = f.keeper.spawns.size();
  f.timers.advance(14s);
  CHECK(f.keeper.spawns.size() == before);
  f.timers.advance(16s);
  CHECK(f.keeper.spawns.size() == before + 1);
  // A minute of life makes good.
  f.run_until_ready();
  f.timers.advance(61s);
  f.exit(f.keeper.spawns.back().id.generation);
  CHECK_FALSE(f.runner.is_failed());
  f.timers.advance(100ms);
  CHECK(f.keeper.spawns.size() == before + 2);
}

TEST_CASE("a program that does not start is tried again later", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  f.runner.on_spawn_failed({f.keeper.spawns[0].id, "exec", 2});
  CHECK(f.log.contains("worker does not start"));
  CHECK(f.keeper.spawns.size() == 1);
  f.timers.advance(100ms);
  CHECK(f.keeper.spawns.size() == 2);
}

TEST_CASE("while one generation drains the next one serves, and there are never three", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  test::ScriptedWorker& first = f.run_until_ready();
  const std::uint32_t first_generation = f.keeper.spawns.back().id.generation;
  first.say(State{true, true});
  first.turn();
  REQUIRE(f.keeper.spawns.size() == 2);  // at once
  CHECK_FALSE(f.runner.is_ready());
  test::ScriptedWorker& second = f.run();
  second.become_ready(kEpoch);
  second.turn();
  CHECK(f.runner.is_ready());
  CHECK(f.pool.endpoints().size() == 2);
  const std::uint32_t second_generation = f.keeper.spawns.back().id.generation;
  second.say(State{true, true});
  second.turn();
  CHECK(f.keeper.spawns.size() == 2);
  f.exit(first_generation, 0);
  CHECK(f.keeper.spawns.size() == 3);  // there is room now
  f.exit(second_generation, 0);
  f.timers.advance(1min);
  CHECK(f.keeper.spawns.size() == 3);
}

TEST_CASE("a worker is replaced by one that is ready before the old one drains", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  test::ScriptedWorker& old = f.run_until_ready();
  const std::uint32_t old_generation = f.keeper.spawns.back().id.generation;
  CHECK_FALSE(f.runner.is_outdated());
  const bool by_new_command = GENERATE(true, false);
  if (by_new_command) {
    f.runner.update(f.spec("/bin/other"));
  } else {
    f.runner.outdate();
  }
  CHECK(f.runner.is_outdated());
  CHECK(f.pool.endpoints()[0]->is_outgoing());
  f.timers.advance(5s);
  REQUIRE(f.keeper.spawns.size() == 1);  // nobody has said that it is its turn

  f.runner.replace();
  REQUIRE(f.keeper.spawns.size() == 2);
  CHECK(f.keeper.spawns[1].argv == std::vector<std::string>{by_new_command ? "/bin/other" : "/bin/worker"});
  test::ScriptedWorker& young = f.run(f.keeper.spawns[1].spec_hash);
  CHECK(f.pool.endpoints()[1]->warmth() == 1);
  old.turn();
  CHECK(old.count<Drain>() == 0);
  CHECK(f.runner.is_ready());
  young.become_ready(kEpoch);
  young.turn();
  old.turn();
  REQUIRE(old.count<Drain>() == 1);
  CHECK(std::get<Drain>(old.heard.back()) == Drain{60s, 120s, true, false});
  // It gets nothing new from this moment on, though it has not said a word.
  CHECK_FALSE(f.pool.endpoints()[0]->is_available());
  CHECK(f.runner.is_ready());
  CHECK_FALSE(f.runner.is_outdated());
  CHECK(f.runner.is_replacing());
  old.say(State{true, true});
  old.turn();
  f.exit(old_generation, 0);
  CHECK_FALSE(f.runner.is_replacing());
  f.timers.advance(5s);
  CHECK(f.keeper.spawns.size() == 2);
  CHECK(f.runner.ends().at("exit_0") == 1);
}

TEST_CASE("a replacement that keeps ending is tried with growing waits while the old one serves", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  test::ScriptedWorker& old = f.run_until_ready();
  f.runner.update(f.spec("/bin/broken"));
  f.runner.replace();
  for (int i = 0; i < 5; ++i) {
    REQUIRE(f.keeper.spawns.size() == static_cast<std::size_t>(i) + 2);
    f.run(f.keeper.spawns.back().spec_hash);
    f.exit(f.keeper.spawns.back().id.generation, 1 << 8);
    CHECK(f.keeper.spawns.size() == static_cast<std::size_t>(i) + 2);
    if (i < 4) f.timers.advance(100ms * (1 << i));
  }
  CHECK(f.runner.is_failed());
  CHECK(f.runner.is_ready());
  CHECK(f.runner.ends().at("exit_1") == 5);
  old.turn();
  CHECK(old.count<Drain>() == 0);
  SECTION("and at the longest wait in the end") {
    f.timers.advance(30s);
    CHECK(f.keeper.spawns.size() == 7);
  }
  SECTION("at once when an operator asks again") {
    f.runner.outdate();
    CHECK(f.keeper.spawns.size() == 7);
    CHECK_FALSE(f.runner.is_failed());
  }
  SECTION("at once when another kind is wanted") {
    f.runner.update(f.spec("/bin/mended"));
    REQUIRE(f.keeper.spawns.size() == 7);
    CHECK(f.keeper.spawns.back().argv == std::vector<std::string>{"/bin/mended"});
    CHECK_FALSE(f.runner.is_failed());
  }
  SECTION("and no more when what runs is wanted again") {
    f.runner.update(f.spec());
    CHECK_FALSE(f.runner.is_outdated());
    CHECK_FALSE(f.runner.is_replacing());
    CHECK_FALSE(f.pool.endpoints()[0]->is_outgoing());
    f.timers.advance(1min);
    CHECK(f.keeper.spawns.size() == 6);
  }
}

TEST_CASE("a replacement on its way that is no longer wanted is ended", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  test::ScriptedWorker& old = f.run_until_ready();
  f.runner.update(f.spec("/bin/other"));
  f.runner.replace();
  const std::uint32_t other = f.keeper.spawns.back().id.generation;
  f.run(f.keeper.spawns.back().spec_hash);
  SECTION("a third kind is wanted") {
    f.runner.update(f.spec("/bin/third"));
    CHECK(f.keeper.signals == std::vector<std::pair<std::uint32_t, int>>{{other, SIGTERM}});
    CHECK(f.keeper.spawns.size() == 2);  // two generations are the most
    f.exit(other, 0);
    REQUIRE(f.keeper.spawns.size() == 3);
    CHECK(f.keeper.spawns.back().argv == std::vector<std::string>{"/bin/third"});
  }
  SECTION("the old one is wanted again") {
    f.runner.update(f.spec());
    CHECK(f.keeper.signals == std::vector<std::pair<std::uint32_t, int>>{{other, SIGTERM}});
    f.exit(other, 0);
    CHECK(f.keeper.spawns.size() == 2);
    CHECK_FALSE(f.runner.is_replacing());
  }
  old.turn();
  CHECK(old.count<Drain>() == 0);
}

TEST_CASE("a worker that an earlier proxy started otherwise is outdated, and serves until it is replaced",
          "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  f.keeper.spawns.clear();  // not adopted: the inventory comes before the start
  SlotRunner second{f.services, f.pool, f.spec(), 1, kEndpoint + 1};
  second.adopt(f.process({"main", 1, 1'600'000'000}, "another hash"));
  second.start();
  CHECK(f.keeper.spawns.empty());
  CHECK_FALSE(second.has_answered());
  f.worker().become_ready(kEpoch);
  f.worker().turn();
  CHECK(second.has_answered());
  CHECK(second.is_outdated());
  CHECK(second.is_ready());
  CHECK(f.worker().count<Drain>() == 0);
}

TEST_CASE("a slot that is held drains its workers and keeps them, the next ones too", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  test::ScriptedWorker& worker = f.run_until_ready();
  f.runner.hold(true);
  worker.turn();
  REQUIRE(worker.count<Drain>() == 1);
  CHECK_FALSE(std::get<Drain>(worker.heard.back()).exit);
  CHECK_FALSE(f.pool.endpoints()[0]->is_available());
  worker.say(State{true, false});
  worker.turn();
  CHECK(f.keeper.spawns.size() == 1);  // nobody takes its place
  SECTION("put back") {
    f.runner.hold(false);
    worker.turn();
    CHECK(worker.count<Undrain>() == 1);
    worker.say(State{false, false});
    worker.turn();
    CHECK(f.pool.endpoints()[0]->is_available());
  }
  SECTION("its worker dies") {
    f.exit(f.keeper.spawns.back().id.generation);
    f.timers.advance(1s);
    test::ScriptedWorker& next = f.run();
    next.become_ready(kEpoch);
    next.turn();
    CHECK(next.count<Drain>() == 1);
    CHECK_FALSE(f.pool.endpoints()[0]->is_available());
  }
}

TEST_CASE("that a slot is held is learned from its worker after a restart of the proxy", "[proxy][slot]") {
  Fixture f;
  test::ScriptedWorker& worker = f.run_as(1'600'000'000, f.spec().hash());
  f.runner.start();
  worker.say(Hello{.epoch = kEpoch});
  worker.say_on_handover(Hello{.epoch = kEpoch});
  worker.say(Ready{kEpoch, "", false, 0, true, false});
  worker.turn();
  CHECK(f.runner.is_held());
  CHECK(f.keeper.spawns.empty());
  CHECK_FALSE(f.pool.endpoints()[0]->is_available());
}

TEST_CASE("a slot that leaves drains, and comes back with the same worker when it is wanted again", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  test::ScriptedWorker& worker = f.run_until_ready();
  f.runner.leave();
  worker.turn();
  REQUIRE(worker.count<Drain>() == 1);
  CHECK(std::get<Drain>(worker.heard.back()).exit);
  CHECK_FALSE(f.runner.is_ready());
  SECTION("not wanted again") {
    worker.say(State{true, true});
    worker.turn();
    f.exit(f.keeper.spawns.back().id.generation, 0);
    CHECK(f.runner.is_idle());
    f.timers.advance(1min);
    CHECK(f.keeper.spawns.size() == 1);
  }
  SECTION("wanted again as it is") {
    f.runner.stay();
    worker.turn();
    CHECK(worker.count<Undrain>() == 1);
    CHECK(f.runner.is_ready());
    CHECK(f.pool.endpoints()[0]->is_available());
    CHECK(f.keeper.spawns.size() == 1);
  }
  SECTION("wanted again otherwise") {
    f.runner.update(f.spec("/bin/other"));
    f.runner.stay();
    worker.turn();
    CHECK(worker.count<Undrain>() == 0);
    CHECK(f.keeper.spawns.size() == 2);
  }
}

TEST_CASE("a worker whose drain does not end is ended", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  test::ScriptedWorker& worker = f.run_until_ready();
  f.runner.leave();
  for (int second = 0; second < 124; ++second) {
    f.timers.advance(1s);
    worker.say(Pong{0});
    worker.turn();
  }
  CHECK(f.keeper.signals.empty());
  f.timers.advance(2s);
  const std::uint32_t generation = f.keeper.spawns.back().id.generation;
  CHECK(f.keeper.signals == std::vector<std::pair<std::uint32_t, int>>{{generation, SIGABRT}, {generation, SIGCONT}});
  f.exit(generation, SIGABRT);
  CHECK(f.runner.ends().at("hung") == 1);
}

TEST_CASE("a slot that stops drains what runs, ends what only starts, and begins nothing", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  const std::uint32_t generation = f.keeper.spawns.back().id.generation;
  SECTION("a ready one") {
    test::ScriptedWorker& worker = f.run_until_ready();
    f.runner.stop(1s, 2s);
    worker.turn();
    REQUIRE(worker.count<Drain>() == 1);
    CHECK(std::get<Drain>(worker.heard.back()) == Drain{1s, 2s, true, true});
    worker.say(State{true, true});
    worker.turn();
  }
  SECTION("a starting one") {
    f.run();
    f.runner.stop(1s, 2s);
    CHECK(f.keeper.signals == std::vector<std::pair<std::uint32_t, int>>{{generation, SIGTERM}});
  }
  SECTION("one that was asked for comes late") {
    f.runner.stop(1s, 2s);
    CHECK_FALSE(f.runner.is_idle());
    f.run();
    CHECK(f.keeper.signals == std::vector<std::pair<std::uint32_t, int>>{{generation, SIGTERM}});
  }
  f.exit(generation, 0);
  CHECK(f.runner.is_idle());
  f.timers.advance(1min);
  CHECK(f.keeper.spawns.size() == 1);
}

TEST_CASE("lines of a worker come with its tag, the last one also without an end", "[proxy][slot]") {
  Fixture f;
  f.runner.start();
  int out[2];
  REQUIRE(::pipe(out) == 0);
  proxy::SlotProcess process;
  process.id = f.keeper.spawns.back().id;
  process.pid = 4711;
  process.spec_hash = Fixture::spec().hash();
  test::ScriptedWorker worker(f.loop);
  process.control = worker.take_control();
  process.handover = worker.take_handover();
  process.output.reset(out[0]);
  f.runner.adopt(std::move(process));
  REQUIRE(::write(out[1], "one\ntwo\nthr", 11) == 11);
  f.loop.turn(true);
  CHECK(f.lines == std::vector<std::string>{"main/0 4711: one", "main/0 4711: two"});
  REQUIRE(::write(out[1], "ee", 2) == 2);
  ::close(out[1]);
  f.exit(f.keeper.spawns.back().id.generation);
  CHECK(f.lines.back() == "main/0 4711: three");
}
