#include "proxy/pool/slot_runner.h"

#include <sys/wait.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_worker.h"

using namespace hubgate;
using namespace hubgate::control;
using namespace std::chrono_literals;
using proxy::SlotRunner;

namespace {

constexpr std::uint64_t kEpoch = 4711;
constexpr std::uint32_t kEndpoint = 42;

struct FakeKeeper final : proxy::Keeper {
  Result<void> spawn(const Spawn& spawn) override {
    spawns.push_back(spawn);
    return {};
  }
  void signal(const SlotId& id, int signal) override { signals.emplace_back(id.generation, signal); }
  std::vector<Spawn> spawns;
  std::vector<std::pair<std::uint32_t, int>> signals;
};

struct FixedClock final : WallClock {
  std::chrono::system_clock::time_point now() const override {
    return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
  }
  std::int64_t seconds = 1'700'000'000;
};

struct Fixture {
  event::Loop loop;
  test::ManualTimers timers;
  test::MemoryLog log;
  SeededRandom random{1};
  FixedClock clock;
  FakeKeeper keeper;
  proxy::AffinityTable affinity{proxy::AffinityKeys({{1, {}}}, "node")};
  proxy::HubPaths hub_paths;
  std::vector<std::string> lines;
  int changes = 0;
  proxy::SlotServices services{
      .loop = loop,
      .timers = timers,
      .log = *log,
      .random = random,
      .clock = clock,
      .keeper = keeper,
      .affinity = affinity,
      .hub_paths = hub_paths,
      .output = [this](std::string_view tag,
                       std::string_view line) { lines.push_back(std::string(tag) + ": " + std::string(line)); },
      .epoch = kEpoch,
      .on_change = [this] { ++changes; }};
  proxy::LimitsConfig limits;
  proxy::Pool pool{loop, timers, *log, {.name = "main", .command = {"worker"}}, limits};
  std::vector<std::unique_ptr<test::ScriptedWorker>> workers;
  SlotRunner runner{services, pool, spec(), 0, kEndpoint};

  static proxy::WorkerSpec spec() {
    proxy::WorkerSpec spec;
    spec.argv = {"/bin/worker"};
    return spec;
  }

  // The process of the last spawn request runs.
  test::ScriptedWorker& run(const std::string& spec_hash = spec().hash()) {
    return run_as(keeper.spawns.back().id.generation, spec_hash);
  }
  test::ScriptedWorker& run_as(std::uint32_t generation, const std::string& spec_hash) {
    workers.push_back(std::make_unique<test::ScriptedWorker>(loop));
    proxy::SlotProcess process;
    process.id = {"main", 0, generation};
    process.pid = 100 + static_cast<int>(workers.size());
    process.spec_hash = spec_hash;
    process.control = workers.back()->take_control();
    process.handover = workers.back()->take_handover();
    runner.adopt(std::move(process));
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
  CHECK_FALSE(f.runner.is_broken());
  f.run();
  f.exit(f.keeper.spawns.back().id.generation);
  CHECK(f.runner.is_broken());  // five in a minute
  const std::size_t before = f.keeper.spawns.size();
  f.timers.advance(14s);
  CHECK(f.keeper.spawns.size() == before);
  f.timers.advance(16s);
  CHECK(f.keeper.spawns.size() == before + 1);
  // A minute of life makes good.
  f.run_until_ready();
  f.timers.advance(61s);
  f.exit(f.keeper.spawns.back().id.generation);
  CHECK_FALSE(f.runner.is_broken());
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
  first.say(State{true});
  first.turn();
  REQUIRE(f.keeper.spawns.size() == 2);  // at once
  CHECK_FALSE(f.runner.is_ready());
  test::ScriptedWorker& second = f.run();
  second.become_ready(kEpoch);
  second.turn();
  CHECK(f.runner.is_ready());
  CHECK(f.pool.endpoints().size() == 2);
  const std::uint32_t second_generation = f.keeper.spawns.back().id.generation;
  second.say(State{true});
  second.turn();
  CHECK(f.keeper.spawns.size() == 2);
  f.exit(first_generation, 0);
  CHECK(f.keeper.spawns.size() == 3);  // there is room now
  f.exit(second_generation, 0);
  f.timers.advance(1min);
  CHECK(f.keeper.spawns.size() == 3);
}

TEST_CASE("a worker that an earlier proxy started otherwise is replaced in order", "[proxy][slot]") {
  Fixture f;
  test::ScriptedWorker& worker = f.run_as(1'600'000'000, "another hash");
  f.runner.start();
  CHECK(f.keeper.spawns.empty());
  CHECK_FALSE(f.runner.has_answered());
  worker.become_ready(kEpoch);
  worker.turn();
  CHECK(f.runner.has_answered());
  REQUIRE(worker.count<Drain>() == 1);
  worker.say(State{true});
  worker.turn();
  CHECK(f.keeper.spawns.size() == 1);
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
    CHECK(std::get<Drain>(worker.heard.back()) == Drain{1s, 2s, true});
    worker.say(State{true});
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
  process.spec_hash = Fixture::spec().hash();
  test::ScriptedWorker worker(f.loop);
  process.control = worker.take_control();
  process.handover = worker.take_handover();
  process.output.reset(out[0]);
  f.runner.adopt(std::move(process));
  REQUIRE(::write(out[1], "one\ntwo\nthr", 11) == 11);
  f.loop.turn(true);
  CHECK(f.lines == std::vector<std::string>{"main/0: one", "main/0: two"});
  REQUIRE(::write(out[1], "ee", 2) == 2);
  ::close(out[1]);
  f.exit(f.keeper.spawns.back().id.generation);
  CHECK(f.lines.back() == "main/0: three");
}
