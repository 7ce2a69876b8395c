#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/intervals.h"

namespace hubgate::chaos {

/// What is done to the gateway or to its clients.
enum class FaultKind : std::uint8_t {
  kKillWorker,    // KILL
  kTermWorker,    // TERM: it drains
  kStopWorker,    // STOP, and CONT after a few seconds, which it must survive
  kHangWorker,    // STOP until it is found hung and ended
  kKillProxy,     // KILL
  kTermProxy,     // TERM
  kStopProxy,     // STOP, and CONT after a few seconds
  kHangProxy,     // STOP until it is found hung and replaced
  kKillRedis,     // KILL
  kStopRedis,     // STOP, and CONT before the workers give their links up
  kHangRedis,     // STOP, and CONT after they have
  kDropLinks,     // Redis ends all links that subscribe, or all others
  kReload,        // a file that changes limits
  kReloadBroken,  // a file that is refused
  kResize,        // a file with another number of workers
  kNewCommand,    // a file with another command: the workers are replaced one after the other
  kRestart,       // hubgate restart
  kDrain,         // hubgate drain, and undrain after a while
  kRebalance,     // hubgate rebalance
  kKillClients,   // some clients end without a word, and come back
  kSlowClients,   // some read nothing for a while that they survive
  kStuckClients,  // some read nothing until they are ended for it
  kStopGateway,   // supervisor and proxy STOP, and CONT after 15 s
  kCount
};
/// Such as "kill-worker".
std::string_view to_string(FaultKind kind) noexcept;
/// The other way round; nothing for a word that is none.
std::optional<FaultKind> parse_fault_kind(std::string_view name) noexcept;

struct PlannedFault {
  Instant at{};
  FaultKind kind = FaultKind::kKillWorker;
  Instant lasts{};           // for what is undone after a while
  std::uint32_t choice = 0;  // whom it hits, modulo those that are there then; or how many
  friend bool operator==(const PlannedFault&, const PlannedFault&) = default;
};

/// What is done in a run of `length`, in the order of time: a pure function of its arguments. Episodes of one to four
/// faults that overlap, with quiet seconds between, in which everything must arrive; all is undone before `length` is
/// over. Each kind that fits into the run comes before one comes again. `kinds`: only of those; all of them when empty.
std::vector<PlannedFault> make_plan(std::uint64_t seed, Instant length, const std::vector<FaultKind>& kinds = {});

/// One line a fault, so that two runs can be compared.
std::string to_string(const PlannedFault& fault);

}  // namespace hubgate::chaos
