#include <cassert>
#include <chrono>
#include <string>
#include <utility>

#include "common/http/date.h"
#include "common/http/http1_writer.h"
#include "common/http/status.h"
#include "common/http_server/server_connection.h"

// What goes out: answers and interim ones, whole or in pieces.

namespace hubgate::http_server {

using http::BodyKind;
using http::ExchangeEvent;
using http::SideState;

void ServerConnection::write_answer_head(http::ResponseHead& head, std::string_view body) {
  assert(head.status >= 200);
  if (http10_ && head.body.kind == BodyKind::kChunked) head.body = http::BodyFraming::until_close();
  const bool alone = to_head_ || !http::allows_body(head.status);
  answer_body_.start(head.body, alone);
  // A client that was not told to go on may or may not send its body: where the next request begins is unknown. An
  // unread body that is long is not worth reading.
  const bool unread =
      state_.requester() == SideState::kSending && (awaits_continue_ || reader_.remaining_body() > kDiscardLimit);
  if (!head.keep_alive || head.body.kind == BodyKind::kUntilClose || unread) state_.forbid_next();
  head.keep_alive = state_.may_continue();
  if (!head.headers.has("Date")) head.headers.add("Date", http::format_date(std::chrono::system_clock::now()));
  std::string text;
  text.reserve(512 + body.size());
  http::append_response_head(text, head, http10_);
  if (!alone) text += body;
  connection_->write(text);
  watch_output();
}

// That the client takes what is written. At most one start for each period, however many answers it has.
void ServerConnection::watch_output() {
  if (write_check_.is_running()) return;
  stall_.begin(*connection_, timers_.now());
  write_check_.start(limits_->write_idle / kWriteChecks);
}

void ServerConnection::start_response(http::ResponseHead head) {
  if (phase_ != Phase::kExchange || !state_.move(ExchangeEvent::kResponseHead)) return;
  write_answer_head(head, {});
}

void ServerConnection::respond(http::ResponseHead head, std::string_view body) {
  if (phase_ != Phase::kExchange || !state_.move(ExchangeEvent::kResponseHead)) return;
  head.body = http::BodyFraming::of_length(body.size());
  write_answer_head(head, body);
  complete_answer();
}

bool ServerConnection::write_body(Bytes bytes) {
  if (!is_answering()) return true;
  return write_framed(answer_body_.frame(bytes));
}

bool ServerConnection::write_body(Payload payload) {
  if (!is_answering()) return true;
  return write_framed(answer_body_.frame(std::move(payload)));
}

bool ServerConnection::write_framed(std::optional<Payload> framed) {
  assert(framed && "more than the head promised");
  if (!framed) {
    cut(EndReason::kFinished);
    return true;
  }
  if (framed->empty()) return true;
  connection_->write(*std::move(framed));
  const bool full = connection_->unsent() > kHighMark;
  if (full || connection_->is_blocked()) watch_output();
  if (!full) return true;
  wants_drained_ = true;
  // It may all leave at the end of this turn, and nobody would say so.
  if (!next_turn_.is_running()) next_turn_.start(Duration::zero());
  return false;
}

void ServerConnection::end_response() {
  if (!is_answering()) return;
  const auto ending = answer_body_.finish();
  assert(ending && "less than the head promised");
  if (!ending) return cut(EndReason::kFinished);
  if (!ending->empty()) connection_->write(*ending);
  complete_answer();
}

void ServerConnection::complete_answer() {
  wants_drained_ = false;
  [[maybe_unused]] const bool moved = state_.move(ExchangeEvent::kResponseEnd);
  assert(moved);
  finish_if_complete();
}

void ServerConnection::send_continue() {
  if (phase_ != Phase::kExchange || !awaits_continue_ || !state_.allows(ExchangeEvent::kInterim)) return;
  awaits_continue_ = false;
  // Until now it was we who kept it waiting.
  pace_.heard(timers_.now());
  pace_.begin();
  deadline_.start_at(body_due());
  connection_->write(http::kContinue);
}

void ServerConnection::send_interim(const http::ResponseHead& head) {
  assert(head.is_interim());
  if (phase_ != Phase::kExchange || http10_ || !state_.allows(ExchangeEvent::kInterim)) return;
  std::string text;
  http::append_response_head(text, head);
  connection_->write(text);
}

}  // namespace hubgate::http_server
