#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/chaos/fault_plan.h"
#include "tests/chaos/judge.h"
#include "tests/chaos/traffic.h"

namespace hubgate::chaos {

struct RunOptions {
  std::uint64_t seed = 1;
  Instant length = std::chrono::seconds(20);  // of the plan; a few seconds of calm follow
  Traffic::Options traffic = {};
  std::vector<FaultKind> kinds = {};  // only of those; empty: of all
};

struct RunResult {
  Verdict verdict;
  std::string summary;  // one line
  std::string plan;     // what was to be done, a line each
  std::string log;      // of the gateway
};

/// One gateway of three workers and one that is relayed, faults by the seed's plan under traffic, then calm in which
/// everything must work, and the verdict. Real processes and real time; leaves none behind. Inside a test case only.
RunResult run_chaos(const RunOptions& options);

}  // namespace hubgate::chaos
