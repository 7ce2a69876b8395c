#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/chaos/chaos_run.h"
#include "tests/support/catch.h"

// Faults by a seed under numbered traffic. Without anything in the environment a short run, for every day;
// scripts/chaos sets HUBGATE_CHAOS_SECONDS, HUBGATE_CHAOS_SEEDS ("1 2 3"), HUBGATE_CHAOS_KINDS ("kill-worker restart")
// and HUBGATE_CHAOS_RATE (times as many messages).

using namespace hubgate;

namespace {

std::string setting(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

constexpr std::size_t kShown = 20;  // violations; all are in the file

/// What one needs to read a case; returns where it lies.
std::string keep(std::uint64_t seed, const chaos::RunResult& result) {
  const std::string folder = setting("HUBGATE_BINARY_DIR", ".") + "/chaos";
  std::filesystem::create_directories(folder);
  const std::string file = folder + "/seed-" + std::to_string(seed);
  std::ofstream report(file + ".txt");
  report << result.summary << "\n\n" << result.plan << "\n";
  for (const auto& one : result.verdict.violations) {
    report << static_cast<double>(one.at.count()) / 1e6 << " " << chaos::to_string(one.fault) << ": " << one.text
           << "\n";
  }
  std::ofstream(file + ".log") << result.log;
  return file + ".{txt,log}";
}

}  // namespace

TEST_CASE("under faults nothing is lost without a cause, doubled, reordered or misdirected", "[chaos]") {
  const std::chrono::seconds length(std::stoi(setting("HUBGATE_CHAOS_SECONDS", "18")));
  chaos::RunOptions options{.length = length};
  std::istringstream kinds(setting("HUBGATE_CHAOS_KINDS", ""));
  for (std::string name; kinds >> name;) {
    const auto kind = chaos::parse_fault_kind(name);
    INFO(name);
    REQUIRE(kind.has_value());
    options.kinds.push_back(*kind);
  }
  const double rate = std::stod(setting("HUBGATE_CHAOS_RATE", "1"));
  for (double* one : {&options.traffic.echoes, &options.traffic.group_messages, &options.traffic.broadcasts})
    *one *= rate;
  std::istringstream seeds(setting("HUBGATE_CHAOS_SEEDS", "37 45"));
  for (std::uint64_t seed = 0; seeds >> seed;) {
    options.seed = seed;
    const chaos::RunResult result = chaos::run_chaos(options);
    std::printf("%s\n", result.summary.c_str());
    std::fflush(stdout);
    const std::string files = keep(seed, result);
    std::string shown;
    for (const auto& one : result.verdict.violations) {
      if (&one - result.verdict.violations.data() == static_cast<std::ptrdiff_t>(kShown)) break;
      shown += std::to_string(static_cast<double>(one.at.count()) / 1e6) + " " +
               std::string(chaos::to_string(one.fault)) + ": " + one.text + "\n";
    }
    INFO("plan:\n" << result.plan << shown << "all of it: " << files);
    CHECK(result.verdict.violations.empty());
    CHECK(result.verdict.due > 0);
  }
}
