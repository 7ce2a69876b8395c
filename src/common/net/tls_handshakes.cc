#include "common/net/tls_handshakes.h"

#include <utility>

namespace hubgate::net {

TlsHandshakes::TlsHandshakes(event::Loop& loop, std::uint32_t most, std::function<void()> on_room)
    : loop_(loop), most_(most), on_room_(std::move(on_room)) {}

TlsHandshakes::~TlsHandshakes() = default;

void TlsHandshakes::set_most(std::uint32_t most) {
  const bool was_full = is_full();
  most_ = most;
  if (was_full && !is_full()) on_room_();
}

void TlsHandshakes::spend(Duration time) {
  spent_ += time;
  if (std::exchange(reset_scheduled_, true)) return;
  loop_.run_later([self = std::weak_ptr(self_)] {
    const auto living = self.lock();
    if (!living) return;
    (*living)->spent_ = {};
    (*living)->reset_scheduled_ = false;
  });
}

void TlsHandshakes::end(Ticket::Outcome outcome) {
  switch (outcome) {
    case Ticket::Outcome::kSucceeded: ++counts_.succeeded; break;
    case Ticket::Outcome::kFailed: ++counts_.failed; break;
    case Ticket::Outcome::kAbandoned: ++counts_.abandoned; break;
  }
  const bool was_full = is_full();
  --active_;
  if (was_full && !is_full()) on_room_();
}

TlsHandshakes::Ticket::Ticket(TlsHandshakes& owner) : owner_(owner.self_) { ++owner.active_; }

TlsHandshakes::Ticket::~Ticket() { finish(Outcome::kAbandoned); }

bool TlsHandshakes::Ticket::may_go_on() const {
  const auto owner = owner_.lock();
  return !owner || (*owner)->spent_ < kTimePerTurn;
}

void TlsHandshakes::Ticket::spent(Duration time) {
  if (const auto owner = owner_.lock()) (*owner)->spend(time);
}

void TlsHandshakes::Ticket::finish(Outcome outcome) {
  if (std::exchange(finished_, true)) return;
  if (const auto owner = owner_.lock()) (*owner)->end(outcome);
}

}  // namespace hubgate::net
