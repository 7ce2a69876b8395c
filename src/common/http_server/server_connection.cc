#include "common/http_server/server_connection.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "common/http/status.h"
#include "common/net/transport.h"

namespace hubgate::http_server {

using http::BodyKind;
using http::ExchangeEvent;
using http::ReadEvent;
using http::SideState;

ServerConnection::ServerConnection(event::Loop& loop, event::Timers& timers, Descriptor socket,
                                   std::unique_ptr<net::TlsTransport> tls, Handler& handler)
    : loop_(loop),
      timers_(timers),
      handler_(&handler),
      limits_(handler.limits()),
      reader_(limits_->reader),
      deadline_(timers, [this] { on_deadline(); }),
      next_turn_(loop, [this] { on_next_turn(); }),
      write_check_(timers, [this] { on_write_check(); }),
      opened_(timers.now()),
      phase_(tls ? Phase::kSecuring : Phase::kIdle) {
  deadline_.start(tls ? limits_->tls_deadline : limits_->head_deadline);
  net::Connection::Handler& self = *this;
  connection_ = std::make_unique<net::Connection>(loop, std::move(socket), std::move(tls), self);
}

ServerConnection::ServerConnection(event::Loop& loop, event::Timers& timers, Descriptor socket, Handler& handler)
    : ServerConnection(loop, timers, std::move(socket), nullptr, handler) {}

ServerConnection::~ServerConnection() = default;

// --- what comes in ---

void ServerConnection::on_secured() {
  phase_ = Phase::kIdle;
  deadline_.start(limits_->head_deadline);
}

std::size_t ServerConnection::on_data(MutableBytes input) {
  pace_.heard(timers_.now());
  Progress progress{0, true};
  std::size_t taken = 0;
  while (progress.goes_on) {
    const MutableBytes rest = input.subspan(taken);
    switch (phase_) {
      case Phase::kIdle:
      case Phase::kHead: progress = read_head(rest); break;
      case Phase::kExchange: progress = read_body(rest); break;
      case Phase::kUpgrading: return taken;
      case Phase::kLingering:
        discarded_ += rest.size();
        if (discarded_ > limits_->linger_bytes) end(end_reason_);
        return input.size();
      case Phase::kSecuring:
      case Phase::kEnded: return input.size();
    }
    taken += progress.taken;
  }
  return taken;
}

// The bytes are of a later request: they wait, unread from now on, until it is its turn.
ServerConnection::Progress ServerConnection::hold_input() {
  if (!input_held_) {
    input_held_ = true;
    connection_->pause(net::Pause::kHeld);
    next_turn_.start(Duration::zero());
  }
  return {};
}

ServerConnection::Progress ServerConnection::read_head(MutableBytes input) {
  if (input.empty()) return {};
  if (phase_ == Phase::kIdle) {
    if (connection_->unsent() > 0) return hold_input();
    limits_ = handler_->limits();
    reader_.restart(limits_->reader);
    phase_ = Phase::kHead;
    // The first head's time runs since the accept.
    if (requests_ > 0) deadline_.start(limits_->head_deadline);
  }
  const http::ReadStep step = reader_.read(input);
  switch (step.event) {
    case ReadEvent::kHead: return {step.taken, begin_request()};
    case ReadEvent::kRejected: reject(reader_.rejection()); return {input.size(), false};
    default: return {step.taken, false};
  }
}

// A whole head is here. True: its body may be read.
bool ServerConnection::begin_request() {
  http::RequestHead& head = reader_.head();
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kRequestHead);
  assert(moved);
  ++requests_;
  deadline_.cancel();
  to_head_ = head.is_head();
  http10_ = head.minor_version == 0;
  awaits_continue_ = head.expects_continue;
  offers_upgrade_ = head.upgrade == http::UpgradeOffer::kWebSocket;
  body_read_ = 0;
  discarded_ = 0;
  const bool last = !head.keep_alive || http::offers_websocket(head.upgrade) || draining_ ||
                    requests_ >= limits_->max_requests || timers_.now() - opened_ >= limits_->max_age;
  if (last) state_.forbid_next();
  body_limit_ = handler_->body_limit(head, *limits_);
  if (head.body.kind == BodyKind::kLength && head.body.length > body_limit_) {
    reject(http::Rejection::kBodyTooLarge);
    return false;
  }
  if (offers_upgrade_) {
    // Whoever takes the connection must find the bytes behind the head in it: they are, once this read is over.
    state_.offer_switch();
    phase_ = Phase::kUpgrading;
    connection_->pause(net::Pause::kHeld);
    next_turn_.start(Duration::zero());
    return false;
  }
  phase_ = Phase::kExchange;
  pace_.begin();
  if (!head.body.is_empty()) deadline_.start_at(body_due());
  handler_->on_request(head);
  return true;
}

void ServerConnection::show_upgrade() {
  phase_ = Phase::kExchange;
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kRequestEnd);
  assert(moved);
  handler_->on_request(reader_.head());
  if (phase_ == Phase::kExchange && state_.responder() != SideState::kDone) handler_->on_request_end();
}

ServerConnection::Progress ServerConnection::read_body(MutableBytes input) {
  if (state_.requester() == SideState::kDone) return input.empty() ? Progress{} : hold_input();
  if (body_paused_) return {};
  const http::ReadStep step = reader_.read(input);
  switch (step.event) {
    case ReadEvent::kBody: {
      Progress progress = use_body(step.body);
      progress.taken += step.taken;
      return progress;
    }
    case ReadEvent::kEnd: finish_request(); return {step.taken, true};
    case ReadEvent::kRejected: reject(reader_.rejection()); return {input.size(), false};
    default: return {step.taken, false};
  }
}

ServerConnection::Progress ServerConnection::use_body(MutableBytes piece) {
  if (std::exchange(awaits_continue_, false)) pace_.begin();
  if (state_.responder() == SideState::kDone) {
    // Answered already: what is left is read only to get at the next request.
    discarded_ += piece.size();
    reader_.body_taken(piece.size());
    if (discarded_ > kDiscardLimit) linger(EndReason::kFinished);
    return {piece.size(), true};
  }
  if (body_read_ + piece.size() > body_limit_) {
    reject(http::Rejection::kBodyTooLarge);
    return {piece.size(), false};
  }
  const std::size_t used = handler_->on_body(piece);
  assert(used <= piece.size());
  if (phase_ != Phase::kExchange) return {used, true};
  reader_.body_taken(used);
  body_read_ += used;
  if (used == piece.size()) return {used, true};
  if (state_.responder() == SideState::kDone) return {used, true};
  pause_body();
  return {used, false};
}

void ServerConnection::pause_body() {
  body_paused_ = true;
  pace_.pause(timers_.now());
  connection_->pause(net::Pause::kBackpressure);
}

void ServerConnection::finish_request() {
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kRequestEnd);
  assert(moved);
  deadline_.cancel();
  if (state_.responder() == SideState::kDone) {
    finish_if_complete();
  } else {
    handler_->on_request_end();
  }
}

bool ServerConnection::on_end() {
  peer_ended_ = true;
  switch (phase_) {
    case Phase::kExchange:
      if (state_.requester() != SideState::kDone) return false;
      state_.forbid_next();
      return handler_->on_half_closed();
    case Phase::kIdle:
      // It may still be reading the last answer.
      if (connection_->unsent() == 0) return false;
      linger(EndReason::kFinished);
      return true;
    case Phase::kLingering:
      if (connection_->unsent() == 0) end(end_reason_);
      return true;
    default: return false;
  }
}

void ServerConnection::on_closed(net::CloseReason reason) {
  const EndReason why = phase_ == Phase::kLingering ? end_reason_ : end_reason_of(reason);
  fall_silent();
  handler_->on_closed(why);
}

void ServerConnection::resume_body() {
  if (!body_paused_ || phase_ != Phase::kExchange) return;
  body_paused_ = false;
  pace_.resume(timers_.now());
  if (state_.requester() == SideState::kSending) deadline_.start_at(body_due());
  connection_->resume(net::Pause::kBackpressure);
}

bool ServerConnection::is_response_started() const {
  return phase_ == Phase::kExchange && state_.responder() != SideState::kIdle;
}

bool ServerConnection::can_take_connection() const {
  return phase_ == Phase::kExchange && state_.allows(ExchangeEvent::kSwitch);
}

std::unique_ptr<net::Connection> ServerConnection::take_connection() {
  assert(can_take_connection());
  if (!can_take_connection() || !state_.move(ExchangeEvent::kSwitch)) return nullptr;
  fall_silent();
  connection_->resume(net::Pause::kHeld);
  return std::move(connection_);
}

// --- from one exchange to the next, and the end ---

void ServerConnection::finish_if_complete() {
  if (state_.responder() != SideState::kDone) return;
  if (state_.requester() == SideState::kDone) return next_exchange();
  // Answered before the whole request was in.
  if (!state_.may_continue()) return linger(EndReason::kFinished);
  resume_body();
}

void ServerConnection::next_exchange() {
  if (!state_.move(ExchangeEvent::kNext)) return linger(EndReason::kFinished);
  phase_ = Phase::kIdle;
  reader_.restart(limits_->reader);
  start_idle_deadline();
  if (input_held_) next_turn_.start(Duration::zero());
}

void ServerConnection::start_idle_deadline() {
  const Duration age_left = limits_->max_age - (timers_.now() - opened_);
  deadline_.start(std::min(limits_->keep_alive_idle, std::max(age_left, Duration::zero())));
}

// A client that has only now read its answer becomes idle now.
void ServerConnection::on_drained() {
  if (phase_ == Phase::kIdle) start_idle_deadline();
  on_next_turn();
}

void ServerConnection::reject(http::Rejection rejection) {
  const int status = http::status_of(rejection);
  const SideState answered = state_.responder();
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kRefusal);
  assert(moved);
  if (answered == SideState::kSending) {
    cut(EndReason::kRejected);
  } else {
    if (answered == SideState::kIdle && state_.move(ExchangeEvent::kResponseHead)) {
      http::ResponseHead head;
      head.status = status;
      head.headers.add("Content-Type", "text/plain");
      if (status == 405) head.headers.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
      const std::string body = std::string(http::reason_phrase(status)) + "\n";
      head.body = http::BodyFraming::of_length(body.size());
      // Of a head that could not be read it is unknown what it asked for.
      if (phase_ == Phase::kHead) to_head_ = http10_ = false;
      write_answer_head(head, body);
    }
    linger(EndReason::kRejected);
  }
  handler_->on_rejected(rejection, status);
}

// The client would lose an answer that it has not read if we closed with unread bytes in the socket: so our side ends
// first, and what it still sends is thrown away for a while.
void ServerConnection::linger(EndReason reason) {
  phase_ = Phase::kLingering;
  end_reason_ = reason;
  discarded_ = 0;
  input_held_ = body_paused_ = wants_drained_ = false;
  write_check_.cancel();
  stall_.begin(*connection_, timers_.now());
  deadline_.start(limits_->linger_time);
  connection_->shutdown_when_flushed();
  connection_->resume(net::Pause::kBackpressure);
  connection_->resume(net::Pause::kHeld);
  if (peer_ended_) next_turn_.start(Duration::zero());  // nothing more will tell us when all has left
}

void ServerConnection::fall_silent() {
  phase_ = Phase::kEnded;
  deadline_.cancel();
  next_turn_.cancel();
  write_check_.cancel();
}

void ServerConnection::end(EndReason reason) {
  fall_silent();
  connection_->close();
  handler_->on_closed(reason);
}

// For calls of the handler, which must not be called back out of them.
void ServerConnection::end_later(EndReason reason) {
  fall_silent();
  connection_->close();
  end_reason_ = reason;
  next_turn_.start(Duration::zero());
}

// An answer that cannot be completed: the client must see that.
void ServerConnection::cut(EndReason reason) {
  connection_->reset();
  end_later(reason);
}

void ServerConnection::abort() {
  fall_silent();
  if (connection_) connection_->reset();
}

void ServerConnection::drain() {
  if (draining_ || phase_ == Phase::kEnded) return;
  draining_ = true;
  if (phase_ == Phase::kExchange || phase_ == Phase::kUpgrading) state_.forbid_next();
  if (phase_ == Phase::kIdle || phase_ == Phase::kSecuring) {
    if (connection_->unsent() > 0) return linger(EndReason::kFinished);
    end_later(EndReason::kFinished);
  }
}

void ServerConnection::retire() {
  fall_silent();
  if (connection_) connection_->close();
}

// --- time ---

TimePoint ServerConnection::body_due() const { return pace_.due(body_read_ + discarded_, *limits_); }

void ServerConnection::on_deadline() {
  switch (phase_) {
    case Phase::kSecuring: return end(EndReason::kTlsFailed);
    case Phase::kIdle:
      // The answer is still on its way, which the write check watches.
      if (connection_->unsent() > 0) return deadline_.start(limits_->keep_alive_idle);
      return end(EndReason::kIdle);
    case Phase::kHead: return reject(http::Rejection::kHeadTimeout);
    case Phase::kLingering: return on_linger_deadline();
    case Phase::kExchange: {
      // Started once a body, not once a read: so it looks here how much was read meanwhile. A client that is made to
      // wait by us is not late.
      if (body_paused_ || awaits_continue_) return deadline_.start(limits_->body_idle);
      if (timers_.now() < body_due()) return deadline_.start_at(body_due());
      return reject(http::Rejection::kBodyTimeout);
    }
    case Phase::kUpgrading:
    case Phase::kEnded: return;
  }
}

void ServerConnection::on_linger_deadline() {
  if (connection_->unsent() == 0) return end(end_reason_);
  if (is_stalled()) return end(EndReason::kSlowReader);
  deadline_.start(limits_->linger_time);
}

void ServerConnection::on_next_turn() {
  switch (phase_) {
    case Phase::kUpgrading: return show_upgrade();
    case Phase::kEnded: return handler_->on_closed(end_reason_);
    case Phase::kSecuring:
    case Phase::kHead: return;
    case Phase::kLingering:
      if (peer_ended_ && connection_->unsent() == 0) return end(end_reason_);
      break;
    case Phase::kIdle:
      if (input_held_ && connection_->unsent() == 0) {
        input_held_ = false;
        connection_->resume(net::Pause::kHeld);
      }
      break;
    case Phase::kExchange:
      if (wants_drained_ && connection_->unsent() <= kHighMark / 2) {
        wants_drained_ = false;
        return handler_->on_response_drained();
      }
      break;
  }
  // Not flushed yet: this came before the end of the turn. Once it is blocked, the connection tells when all has left.
  const bool waits = wants_drained_ || input_held_ || peer_ended_;
  if (waits && connection_->unsent() > 0 && !connection_->is_blocked()) next_turn_.start(Duration::zero());
}

void ServerConnection::on_write_check() {
  if (connection_->unsent() == 0) return;
  if (!is_stalled()) return write_check_.start(limits_->write_idle / kWriteChecks);
  fall_silent();
  connection_->reset();
  handler_->on_closed(EndReason::kSlowReader);
}

}  // namespace hubgate::http_server
