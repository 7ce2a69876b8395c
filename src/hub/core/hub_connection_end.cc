#include "hub/core/hub_connection.h"

#include <algorithm>
#include <utility>

#include "hub/core/hub_connection_handler.h"
#include "hub/protocol/handshake_protocol.h"

// How a hub connection ends, and what the heartbeat finds.

namespace hubgate::hub {

namespace {
/// Longest time that a completion waits for the subscriptions of its call's own joins.
constexpr Duration kLongestHold = std::chrono::seconds(5);
}  // namespace

void HubConnection::on_input_end(InputEnd why, std::string_view error) {
  input_over_ = true;
  if (state_ == State::kHandshaking) {
    close_transport();
    return move_to(State::kClosed);
  }
  if (why == InputEnd::kLost) mark_aborted();
  fire_aborted();
  if (state_ != State::kConnected) return;
  if (work_ != nullptr && work_->ending) {
    // An end was on its way already; but nobody waits for answers any more.
    work_->ending->waits_for_calls = false;
    return schedule();
  }
  Ending ending;
  switch (why) {
    case InputEnd::kClosed:
    case InputEnd::kLost:
      ending = inside_message_ ? with_error(kInputEndedInMessage) : Ending{.allow_reconnect = true};
      if (!error.empty()) ending.reason = std::string(error);
      break;
    case InputEnd::kProtocolError: ending = with_error(error); break;
    case InputEnd::kSlowConsumer:
      ++handler_.counters_.slow_consumers;
      ending.allow_reconnect = true;
      ending.reason = "slow consumer: the client did not take what was sent to it";
      break;
  }
  end_in_order(std::move(ending));
}

void HubConnection::on_shutdown() {
  if (state_ == State::kHandshaking) {
    close_transport();
    return move_to(State::kClosed);
  }
  if (state_ != State::kConnected || input_over_ || (work_ != nullptr && work_->ending)) return;
  Ending ending;
  ending.allow_reconnect = true;
  ending.waits_for_calls = true;
  // Reading goes on until then: a call that comes meanwhile is answered, too.
  work().ending = std::move(ending);
  if (may_end()) end(std::move(*work_->ending));
}

void HubConnection::on_cut() {
  if (state_ == State::kHandshaking) {
    close_transport();
    return move_to(State::kClosed);
  }
  if (state_ != State::kConnected) return;
  work().line.clear();
  Ending ending{.allow_reconnect = true};
  if (work_->ending) ending = std::move(*work_->ending);
  end(std::move(ending));
}

void HubConnection::on_write_failed(const Error& error) {
  // In the middle of a fan-out nobody is closed, only marked: the end comes when the stack is empty.
  if (state_ != State::kConnected) return;
  ++handler_.counters_.unwritable_messages;
  handler_.around_.log.warn("a message could not be written", {{"connection", log_id()}, {"error", error.what}});
  input_over_ = true;
  mark_aborted();
  Work& busy = work();
  busy.line.clear();
  busy.ending = with_error(error.what);
  schedule();
}

Ending HubConnection::with_error(std::string_view detail) const {
  Ending ending;
  ending.close_error =
      with_detail(std::string(error_text::kClosedWithError), detail, handler_.options_.detailed_errors);
  ending.allow_reconnect = true;
  ending.reason = std::string(detail);
  return ending;
}

void HubConnection::end_in_order(Ending ending) {
  input_over_ = true;
  work().ending = std::move(ending);
  if (may_end()) end(std::move(*work_->ending));
}

bool HubConnection::may_end() const {
  return opening_over_ && line_is_empty() && (!work_->ending->waits_for_calls || work_->calls.empty());
}

void HubConnection::end(Ending ending) {
  move_to(State::kClosing);
  input_over_ = true;
  if (!transport_closed_ && transport() != nullptr) {
    std::string_view error;
    if (ending.close_error) error = *ending.close_error;
    transport()->write(protocol().write_close(ending.close_error ? &error : nullptr, ending.allow_reconnect));
  }
  close_transport();
  Work& busy = work();
  busy.line.clear();
  busy.ending = std::move(ending);
  fire_aborted();
  schedule();  // hub code may be on the stack: on_disconnected comes later
}

void HubConnection::close_transport() {
  input_over_ = true;
  mark_aborted();
  if (transport_closed_ || transport() == nullptr) return;
  transport_closed_ = true;
  transport()->close_when_flushed();
}

void HubConnection::fire_aborted() {
  if (std::exchange(lost_, true)) return;
  if (work_ == nullptr || !work_->aborted) return;
  const CancelToken token = *work_->aborted;
  if (const std::exception_ptr failure = token.cancel()) handler_.around_.dispatcher.on_aborted_failed(failure);
}

void HubConnection::start_disconnected() {
  disconnecting_ = true;
  if (!opened_) return finish();
  std::optional<std::string> reason;
  if (work_ != nullptr && work_->ending) reason = work_->ending->reason;
  handler_.around_.dispatcher.disconnected(*this, std::move(reason));
}

void HubConnection::finish() {
  if (registered_) {
    registered_ = false;
    handler_.around_.lifetime.on_disconnected(*this);
  }
  if (work_ != nullptr) {
    work_->ending.reset();
    work_->aborted.reset();
  }
  move_to(State::kClosed);
  schedule();
}

void HubConnection::on_transport_gone() {
  detach();
  if (state_ >= State::kClosing) return;
  // Nobody told us to end: the transports' manager is taken down, and the server with it. No hub code runs any more.
  fire_aborted();
  disconnecting_ = opening_over_ = true;
  if (state_ == State::kHandshaking) return move_to(State::kClosed);
  finish();
}

bool HubConnection::is_over() const {
  return state_ == State::kClosed && transport() == nullptr && (work_ == nullptr || work_->calls.empty());
}

// ---- the heartbeat

void HubConnection::beat(TimePoint now) {
  const HubOptions& options = handler_.options_;
  if (state_ == State::kHandshaking) {
    if (now - waiting_since_ >= options.handshake_timeout) fail_handshake(kHandshakeCanceled);
    return;
  }
  if (work_ != nullptr) give_up_joins(now);
  if (state_ != State::kConnected) return;

  if (heard_) {
    heard_ = false;
    last_heard_ = now;
  } else if (pings_ && !reading_paused_ && line_is_empty() && !input_over_ &&
             now - last_heard_ > options.client_timeout_interval) {
    ++handler_.counters_.client_timeouts;
    return end(with_error(error_text::kClientTimeout));
  }
  if (now - waiting_since_ < options.keep_alive_interval || is_aborted()) return;
  waiting_since_ = now;
  if (transport()->transport_type() != TransportType::kLongPolling) transport()->write(handler_.ping(protocol()));
}

void HubConnection::give_up_joins(TimePoint now) {
  // Settling takes a call off the list.
  const auto calls = work_->calls;
  for (const auto& call : calls) {
    if (!call->is_held() || now - call->held_since() < kLongestHold) continue;
    call->give_up_joins();
    handler_.around_.dispatcher.on_joins_given_up();
    on_call_settled(*call);
  }
}

}  // namespace hubgate::hub
