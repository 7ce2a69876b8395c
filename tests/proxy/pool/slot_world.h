#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/pool/slot_runner.h"
#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_worker.h"

namespace hubgate::test {

/// Remembers what a proxy asks of its supervisor.
struct FakeKeeper final : proxy::Keeper {
  Result<void> spawn(const control::Spawn& spawn) override {
    spawns.push_back(spawn);
    return {};
  }
  void signal(const control::SlotId& id, int signal) override { signals.emplace_back(id.generation, signal); }
  std::vector<control::Spawn> spawns;
  std::vector<std::pair<std::uint32_t, int>> signals;  // generation, number
};

struct FixedClock final : WallClock {
  std::chrono::system_clock::time_point now() const override {
    return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
  }
  std::int64_t seconds = 1'700'000'000;
};

/// All that slots of a pool "main" need, with a supervisor of words and scripted workers.
struct SlotWorld {
  static constexpr std::uint64_t kEpoch = 4711;

  event::Loop loop;
  ManualTimers timers;
  MemoryLog log;
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
  std::vector<std::unique_ptr<ScriptedWorker>> workers;

  static proxy::WorkerSpec spec(const std::string& program = "/bin/worker") {
    proxy::WorkerSpec spec;
    spec.argv = {program};
    return spec;
  }
  /// A process as the supervisor tells of it, with a worker that says what the test tells it to.
  proxy::SlotProcess process(const control::SlotId& id, const std::string& spec_hash) {
    workers.push_back(std::make_unique<ScriptedWorker>(loop));
    proxy::SlotProcess process;
    process.id = id;
    process.pid = 100 + static_cast<int>(workers.size());
    process.spec_hash = spec_hash;
    process.control = workers.back()->take_control();
    process.handover = workers.back()->take_handover();
    return process;
  }
  ScriptedWorker& worker() { return *workers.back(); }
};

}  // namespace hubgate::test
