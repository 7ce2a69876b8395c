#include "common/http_client/client_connection.h"

#include <sys/socket.h>

#include <cassert>
#include <cerrno>
#include <string>

#include "common/http/http1_writer.h"

namespace hubgate::http_client {

using http::BodyKind;
using http::ExchangeEvent;
using http::ReadEvent;
using http::SideState;

namespace {

Error upstream_error(ErrorCode code, std::string what) { return make_error(code, std::move(what), Side::kUpstream); }

}  // namespace

ClientConnection::ClientConnection(event::Loop& loop, event::Timers& timers, Descriptor socket, Handler& handler)
    : loop_(loop),
      timers_(timers),
      handler_(&handler),
      deadline_(timers, [this] { on_deadline(); }),
      next_turn_(loop, [this] { on_next_turn(); }) {
  net::Connection::Handler& self = *this;
  connection_ = std::make_unique<net::Connection>(loop, std::move(socket), self);
}

ClientConnection::~ClientConnection() = default;

// --- the request ---

void ClientConnection::send(const http::RequestHead& head, const ExchangeTimeouts& timeouts,
                            const http::ReaderLimits& limits) {
  assert(is_idle());
  if (!is_idle() || !state_.move(ExchangeEvent::kRequestHead)) return;
  phase_ = Phase::kExchange;
  ++exchanges_;
  limits_ = limits;
  timeouts_ = timeouts;
  reader_.expect(head.is_head(), limits_);
  if (!head.keep_alive) state_.forbid_next();
  if (head.upgrade == http::UpgradeOffer::kWebSocket) state_.offer_switch();
  body_begun_ = false;
  sent_before_ = sent_at_check_ = connection_->bytes_out();
  received_before_ = connection_->bytes_in();
  request_body_.start(head.body);
  std::string text;
  text.reserve(1024);
  http::append_request_head(text, head);
  connection_->write(text);
  if (head.body.is_empty()) {
    [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kRequestEnd);
    assert(moved);
  }
  deadline_.start(timeouts_.response_head);
}

bool ClientConnection::write_body(Bytes bytes) { return !is_sending() || write_framed(request_body_.frame(bytes)); }

bool ClientConnection::write_body(Payload payload) {
  return !is_sending() || write_framed(request_body_.frame(std::move(payload)));
}

bool ClientConnection::write_framed(std::optional<Payload> framed) {
  assert(framed && "more than the head promised");
  if (!framed) {
    fail_later(make_error(ErrorCode::kInternal, "the request's body is longer than its head said"));
    return true;
  }
  if (framed->empty()) return true;
  body_begun_ = true;
  connection_->write(*std::move(framed));
  if (connection_->unsent() <= kHighMark) return true;
  wants_drained_ = true;
  // It may all leave at the end of this turn, and nobody would say so.
  if (!next_turn_.is_running()) next_turn_.start(Duration::zero());
  return false;
}

void ClientConnection::end_request() {
  if (!is_sending()) return;
  const auto ending = request_body_.finish();
  assert(ending && "less than the head promised");
  if (!ending) return fail_later(make_error(ErrorCode::kInternal, "the request's body is shorter than its head said"));
  if (!ending->empty()) connection_->write(*ending);
  wants_drained_ = false;
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kRequestEnd);
  assert(moved);
  if (state_.responder() == SideState::kIdle) deadline_.start(timeouts_.response_head);
}

// --- the response ---

std::size_t ClientConnection::on_data(MutableBytes input) {
  last_read_ = timers_.now();
  std::size_t taken = 0;
  Progress progress{0, true};
  while (progress.goes_on) {
    switch (phase_) {
      case Phase::kExchange: progress = read_response(input.subspan(taken)); break;
      case Phase::kIdle:
        // A second answer to one request: whatever it is, it must not become the answer to the next.
        if (taken < input.size()) on_closed(net::CloseReason::kEnded);
        return input.size();
      case Phase::kUpgrading: return taken;
      case Phase::kEnded: return input.size();
    }
    taken += progress.taken;
  }
  return taken;
}

ClientConnection::Progress ClientConnection::read_response(MutableBytes input) {
  if (paused_) return {};
  const http::ReadStep step = reader_.read(input);
  Progress progress;
  switch (step.event) {
    case ReadEvent::kNeedMore: break;
    case ReadEvent::kHead: progress = use_head(); break;
    case ReadEvent::kBody: progress = use_body(step.body); break;
    case ReadEvent::kEnd: finish_response(step.taken < input.size()); break;
    case ReadEvent::kRejected:
      fail(upstream_error(ErrorCode::kInvalid, "bad response: " + std::string(to_string(reader_.rejection()))));
      break;
  }
  progress.taken += step.taken;
  return progress;
}

ClientConnection::Progress ClientConnection::use_head() {
  http::ResponseHead& head = reader_.head();
  if (head.is_interim()) {
    handler_->on_interim(head);
    return {0, true};
  }
  if (head.status == 101) {
    if (!state_.allows(ExchangeEvent::kSwitch)) {
      fail(upstream_error(ErrorCode::kInvalid, "bad response: a 101 that nobody asked for"));
      return {};
    }
    // Whoever takes the connection must find the bytes behind the head in it: they are, once this read is over.
    phase_ = Phase::kUpgrading;
    deadline_.cancel();
    connection_->pause(net::Pause::kHeld);
    next_turn_.start(Duration::zero());
    return {};
  }
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kResponseHead);
  assert(moved);
  if (!head.keep_alive || head.body.kind == BodyKind::kUntilClose) state_.forbid_next();
  deadline_.start(timeouts_.body_idle);
  handler_->on_response_head(head);
  return {0, true};
}

ClientConnection::Progress ClientConnection::use_body(MutableBytes piece) {
  const std::size_t used = handler_->on_response_body(piece);
  assert(used <= piece.size());
  if (phase_ != Phase::kExchange) return {used, true};
  reader_.body_taken(used);
  if (used == piece.size()) return {used, true};
  paused_ = true;
  connection_->pause(net::Pause::kBackpressure);
  return {used, false};
}

// `surplus`: bytes lie behind the response, so one cannot tell what this connection would say next.
void ClientConnection::finish_response(bool surplus) {
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kResponseEnd);
  assert(moved);
  deadline_.cancel();
  const bool reusable =
      !surplus && connection_->is_open() && connection_->unsent() == 0 && state_.move(ExchangeEvent::kNext);
  if (reusable) {
    phase_ = Phase::kIdle;
    wants_drained_ = false;
    reader_.expect(false, limits_);
  } else {
    fall_silent();
    connection_->close();
  }
  handler_->on_response_end(reusable);
}

void ClientConnection::resume_response() {
  if (!paused_ || phase_ != Phase::kExchange) return;
  paused_ = false;
  last_read_ = timers_.now();
  connection_->resume(net::Pause::kBackpressure);
}

std::unique_ptr<net::Connection> ClientConnection::take_connection() {
  assert(phase_ == Phase::kUpgrading);
  if (phase_ != Phase::kUpgrading || !state_.move(ExchangeEvent::kSwitch)) return nullptr;
  fall_silent();
  connection_->resume(net::Pause::kHeld);
  return std::move(connection_);
}

// --- the end ---

bool ClientConnection::on_end() {
  if (phase_ != Phase::kExchange) return false;
  if (reader_.end_of_input().event == ReadEvent::kEnd) {
    state_.forbid_next();
    finish_response(false);
    return true;
  }
  return false;
}

void ClientConnection::on_closed(net::CloseReason reason) {
  if (phase_ == Phase::kIdle) {
    fall_silent();
    connection_->close();
    return handler_->on_closed();
  }
  std::string what = "the connection was closed by upstream (" + std::string(to_string(reason)) + ")";
  fail(upstream_error(ErrorCode::kClosed, std::move(what)));
}

Failure ClientConnection::failure_of(Error error) const {
  return {std::move(error), connection_->bytes_out() > sent_before_, body_begun_,
          connection_->bytes_in() > received_before_};
}

void ClientConnection::fail(Error error) {
  const Failure failure = failure_of(std::move(error));
  fall_silent();
  connection_->close();
  handler_->on_failed(failure);
}

// For calls of the handler, which must not be called back out of them. What is out is half a request: cut it.
void ClientConnection::fail_later(Error error) {
  fall_silent();
  connection_->reset();
  pending_error_ = std::move(error);
  next_turn_.start(Duration::zero());
}

void ClientConnection::fall_silent() {
  phase_ = Phase::kEnded;
  deadline_.cancel();
  next_turn_.cancel();
}

bool ClientConnection::is_quiet() const {
  char byte = 0;
  const ssize_t count = ::recv(connection_->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void ClientConnection::retire() {
  fall_silent();
  if (connection_) connection_->close();
}

// --- time ---

void ClientConnection::on_deadline() {
  if (phase_ != Phase::kExchange) return;
  if (state_.responder() == SideState::kSending) {
    // Started once a body, not once a read. An upstream that is made to wait by us is not late.
    if (paused_) return deadline_.start(timeouts_.body_idle);
    if (timers_.now() - last_read_ < timeouts_.body_idle) return deadline_.start_at(last_read_ + timeouts_.body_idle);
    return fail(upstream_error(ErrorCode::kTimeout, "the response's body stopped"));
  }
  if (state_.requester() == SideState::kSending) {
    // The body waits for us, or moves on: no reason to expect an answer yet.
    const std::uint64_t sent = connection_->bytes_out();
    if (connection_->unsent() == 0 || sent != sent_at_check_) {
      sent_at_check_ = sent;
      return deadline_.start(timeouts_.response_head);
    }
  }
  fail(upstream_error(ErrorCode::kTimeout, "no response in time"));
}

void ClientConnection::on_next_turn() {
  if (pending_error_) return handler_->on_failed(failure_of(*std::exchange(pending_error_, std::nullopt)));
  if (phase_ == Phase::kUpgrading) return handler_->on_upgraded(reader_.head());
  if (phase_ != Phase::kExchange || !wants_drained_) return;
  if (connection_->unsent() <= kHighMark / 2) {
    wants_drained_ = false;
    return handler_->on_request_drained();
  }
  // Not flushed yet. Once it is blocked, the connection tells when all has left.
  if (!connection_->is_blocked()) next_turn_.start(Duration::zero());
}

}  // namespace hubgate::http_client
