#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/facts.h"

namespace hubgate::chaos {

/// How long after a completion a message may be on its way, while nothing that it needs stands still. Only who leaves,
/// or whose worker dies, within it may miss the message; a message that comes later is no fault.
inline constexpr Instant kMargin = std::chrono::seconds(2);
/// A client that took nothing for long is ended within so much after it reads again: the worker waits for its answer to
/// the Close, and then a relaying proxy for its end.
inline constexpr Instant kStuckTime = std::chrono::seconds(20);
/// How much later than due a message may come.
inline constexpr Instant kLateness = std::chrono::seconds(10);
/// What the log's times are good to.
inline constexpr Instant kResolution = std::chrono::milliseconds(2);
/// A worker that was stopped for so long may be judged hung, a client that read nothing for so long too slow.
inline constexpr Instant kLongStop = std::chrono::seconds(9);

/// Why a message may have missed a receiver.
enum class Cause : std::uint8_t {
  kSenderDead,     // the sender's worker died before the message had surely left it
  kSenderRedis,    // the sender's worker had no Redis: only its own clients get it
  kReceiverDead,   // the receiver's worker died
  kReceiverRedis,  // the receiver's worker had no Redis
  kReceiverSlow,   // the receiver read nothing and was ended for it
  kReceiverGone,   // the receiver was closed, was killed, or left the group while the message was on its way
  kCount
};
std::string_view to_string(Cause cause) noexcept;

enum class Fault : std::uint8_t {
  kLost,           // due, and did not come
  kDoubled,        // came twice
  kReordered,      // came after a later one of the same sender and channel
  kWrongReceiver,  // came to somebody who was no member
  kUnanswered,     // a call on a living connection without an answer, or with two
  kFailed,         // a call that was answered with an error
  kLate,           // came long after it was due
  kMiscounted,     // a worker's counters do not say what was lost
  kRefused,        // a connect failed though all was well
  kCut,            // a connection ended that nothing had been done to
  kWorkerEnded,    // a worker ended that nothing had been done to
  kProxyEnded,     // so did the proxy
  kOdd,            // what the runner itself saw
};
std::string_view to_string(Fault fault) noexcept;

struct Violation {
  Fault fault = Fault::kOdd;
  Instant at{};
  std::string text;  // all that one needs to read the case
};

struct Verdict {
  std::size_t echoes = 0;  // calls that were sent, by kind
  std::size_t groups = 0;
  std::size_t broadcasts = 0;
  std::size_t unknown = 0;    // of them without an answer, since the connection ended
  std::size_t due = 0;        // receivers that a message had to reach
  std::size_t delivered = 0;  // messages that came to receivers
  std::size_t again = 0;      // of them, a second time after a reconnect, while the new worker lagged
  std::array<std::size_t, static_cast<std::size_t>(Cause::kCount)> excused{};
  Instant slowest{};  // from a completion to a receipt
  std::vector<Violation> violations;

  std::size_t excused_for(Cause cause) const { return excused[static_cast<std::size_t>(cause)]; }
};

/// Compares what has happened with what is promised (docs/architecture.md, docs/backplane.md). A pure function.
///
/// Due is a message whose call was completed, at every connection that had been told that it is a member before the
/// message was sent, and that stays one until `kMargin` after the completion, or gets a later message of that sender
/// and channel. It may be missed when the receiver's worker was dead or without Redis meanwhile; when the sender's was,
/// unless somebody on a third worker got it, so that Redis had it. A message sent while the sender's worker was without
/// Redis from before its call until after its answer is due at that worker's own clients all the same.
Verdict judge(const Facts& facts);

}  // namespace hubgate::chaos
