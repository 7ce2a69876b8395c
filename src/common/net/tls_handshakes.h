#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "common/event/loop.h"

namespace hubgate::net {

/// Bounds what the TLS handshakes of one loop may cost the connections that live: so much time of a turn, the rest
/// waits for the next one; and tells who accepts when so many are under way that more should wait in the kernel.
/// Counts how they ended. Owned by who owns the listeners; its transports outlive it in silence. One thread.
class TlsHandshakes {
 public:
  /// From this much of one turn on, handshakes wait for the next: some ten of them with P-256, five with RSA.
  static constexpr Duration kTimePerTurn = std::chrono::milliseconds(5);

  /// `on_room`: is_full() has become false, from within a connection's event.
  TlsHandshakes(event::Loop& loop, std::uint32_t most, std::function<void()> on_room);
  ~TlsHandshakes();
  TlsHandshakes(const TlsHandshakes&) = delete;
  TlsHandshakes& operator=(const TlsHandshakes&) = delete;

  void set_most(std::uint32_t most);
  bool is_full() const { return active_ >= most_; }
  std::uint32_t active() const { return active_; }

  struct Counts {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;     // by what one side sent: no common suite, an alert, no TLS at all
    std::uint64_t abandoned = 0;  // ended by the client, or by us for want of time
  };
  const Counts& counts() const { return counts_; }

  /// One handshake's part: what its transport tells. Destroyed before finish() it counts as abandoned.
  class Ticket {
   public:
    enum class Outcome : std::uint8_t { kSucceeded, kFailed, kAbandoned };
    explicit Ticket(TlsHandshakes& owner);
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    /// False: not in this turn; the descriptor stays ready, and so does the next turn's event.
    bool may_go_on() const;
    void spent(Duration time);
    void finish(Outcome outcome);

   private:
    std::weak_ptr<TlsHandshakes*> owner_;
    bool finished_ = false;
  };
  std::unique_ptr<Ticket> admit() { return std::make_unique<Ticket>(*this); }

 private:
  void spend(Duration time);
  void end(Ticket::Outcome outcome);

  event::Loop& loop_;
  std::uint32_t most_;
  std::function<void()> on_room_;
  std::uint32_t active_ = 0;
  Duration spent_{};  // in this turn
  bool reset_scheduled_ = false;
  Counts counts_;
  std::shared_ptr<TlsHandshakes*> self_ = std::make_shared<TlsHandshakes*>(this);
};

}  // namespace hubgate::net
