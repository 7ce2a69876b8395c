#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/chaos/intervals.h"

namespace hubgate::chaos {

/// What a worker counts of sends that did not reach everybody, at the end.
struct Counters {
  std::size_t degraded = 0;
  std::size_t unknown = 0;
  std::size_t lost = 0;
};

/// A worker as a connection token names it: the endpoint's id, and the generation.
struct WorkerKey {
  std::uint32_t endpoint = 0;
  std::uint32_t generation = 0;
  friend auto operator<=>(const WorkerKey&, const WorkerKey&) = default;
};

/// One process of a slot.
struct Worker {
  std::string name;  // "main/0"
  int pid = 0;
  Instant started{};
  std::optional<Instant> ended;     // as the proxy has logged it, perhaps late
  bool orderly = false;             // ended by itself after a drain, with 0
  std::optional<Instant> killed;    // by the runner, KILL
  Instant can_drain_from = kNever;  // from then on it may ask its clients to go
  bool may_end = false;             // an end in order was asked for, by whatever means
  Intervals stopped;                // by the runner, STOP to CONT
  Intervals redis_down;             // its hub's two links to Redis were not ready, as it has logged it

  std::optional<Counters> counters;  // of those that live at the end

  /// From when on nothing may be expected of it: its death, or the stop that it did not survive. kNever for one that
  /// lives or has ended in order.
  Instant dead_from() const {
    if (!ended || orderly) return killed ? *killed : kNever;
    Instant from = std::min(*ended, killed.value_or(kNever));
    for (const Interval& stop : stopped.all()) {
      // Found hanging and ended: at the latest seconds after somebody let it go on.
      if (stop.from < from && from <= (stop.to == kNever ? kNever : stop.to + std::chrono::seconds(3)))
        return stop.from;
    }
    return from;
  }
};

/// How a client's connection ended, as the client saw it.
enum class End : std::uint8_t {
  kOpen,           // it has not
  kGoAway,         // Close with allowReconnect and without an error
  kError,          // Close with an error
  kCut,            // without Close
  kByUs,           // the client was killed
  kServerTimeout,  // the client heard nothing for 30 s
};

/// A client's membership of one channel in one connection.
struct Membership {
  int channel = 0;
  Instant asked{};                      // the join was sent
  std::optional<Instant> joined = {};   // its completion came
  std::optional<Instant> leaving = {};  // the leave was sent
  std::optional<Instant> left = {};     // its completion came
};

/// A message that has come, in the order of coming.
struct Receipt {
  std::size_t message = 0;  // index
  Instant at{};
};

/// One connection of one client, from the handshake's answer on.
struct Session {
  int client = 0;
  WorkerKey worker;
  bool relayed = false;  // through the proxy
  Instant opened{};
  Instant closed = kNever;
  End end = End::kOpen;
  std::string end_text;     // the Close's error
  Intervals slow;           // the client read nothing, on purpose
  bool overfilled = false;  // more is sent to it meanwhile than a worker keeps for one client: it may be ended at once
  std::optional<Instant> stuck_until;  // it was slow for so long and got so much that it must be ended
  std::vector<Membership> memberships;
  std::vector<Receipt> receipts;
};

/// One call of a client that sends: to a channel, or its echo.
struct Message {
  static constexpr int kEcho = -1;
  static constexpr int kAll = 0;  // groups count from 1
  std::size_t session = 0;
  int channel = kEcho;
  int number = 0;  // within session and channel, from 1
  Instant sent{};
  std::optional<Instant> done = {};  // its completion came
  std::string error = {};            // of the completion
  int answers = 0;                   // completions that came for it
};

/// An attempt to connect that failed.
struct Refusal {
  Instant begun{};
  Instant at{};
  std::string what;
};

/// Something that must not be, seen while the facts were gathered.
struct Oddity {
  Instant at{};
  std::string what;
};

/// All that has happened in one run. Plain data: the runner writes it, the judge reads it.
struct Facts {
  std::map<WorkerKey, Worker> workers;
  std::vector<Session> sessions;
  std::vector<Message> messages;    // in the order of sending
  Intervals redis_stopped;          // by the runner
  Intervals proxy_away;             // dead or stopped
  Intervals supervisor_stopped;     // by the runner
  std::vector<Instant> proxy_ends;  // as the supervisor has logged them
  std::vector<Interval> proxy_may_end;
  Intervals runner_late;  // the runner's own loop did not turn in time
  Intervals rebalanced;   // workers may ask any client to come back
  std::vector<Refusal> refusals;
  std::vector<Oddity> oddities;
  Instant hard_drain_time = kNever;  // from a drain's beginning until who is left is cut
  Instant ended{};                   // nothing was gathered after that
};

}  // namespace hubgate::chaos
