#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/event/timer.h"
#include "proxy/pool/pool.h"

namespace hubgate::proxy {

/// Evens out the connections of a pool's local workers: one that has more than its fair share asks some clients, the
/// most idle ones, to come back (SignalR's Close with allowReconnect); the choice for new connections does the rest.
/// Nothing else moves a WebSocket that stands. Owned by the PoolRunner; the loop's thread.
class Rebalancer {
 public:
  /// All must outlive it.
  Rebalancer(event::Timers& timers, Log& log, Pool& pool);

  /// What one worker lets go.
  struct Surplus {
    Endpoint* endpoint;  // good until control returns to the loop
    std::uint64_t active;
    std::uint64_t count;  // above its fair share by weight
  };
  /// Of the workers that take clients now; the fullest first.
  std::vector<Surplus> surplus() const;
  /// Asks each of them to let its surplus go over `spread`, and says what it has asked.
  std::vector<Surplus> even_out(Duration spread);

  /// By itself, a little at a time: while the fullest has had more than kUneven times the average for kPatience, it is
  /// asked to let go what it has too much, at most kMostAtOnce over kPatience.
  void set_automatic(bool automatic);

  static constexpr Duration kLook = std::chrono::seconds(10);
  static constexpr Duration kPatience = std::chrono::seconds(60);
  static constexpr double kUneven = 1.25;
  static constexpr std::uint64_t kMostAtOnce = 600;
  static constexpr std::uint64_t kLeast = 8;  // fewer are not worth a reconnect

 private:
  void look();
  void ask(const Surplus& surplus, std::uint64_t count, Duration spread);

  event::Timers& timers_;
  Log& log_;
  Pool& pool_;
  event::Timer timer_;
  std::optional<TimePoint> uneven_since_;
};

}  // namespace hubgate::proxy
