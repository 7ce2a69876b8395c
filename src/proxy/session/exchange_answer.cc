// The second half of Exchange: both bodies under way, and every way in which a request is answered.
#include <cassert>
#include <utility>

#include "common/http/http1_writer.h"
#include "common/websocket/handshake.h"
#include "proxy/pool/idle_connections.h"
#include "proxy/session/exchange.h"

namespace hubgate::proxy {
namespace {

// RFC 6455, 4.2.2: nothing but this proves that the other side speaks WebSocket from here on.
bool is_correct_switch(const http::ResponseHead& answer, const http::RequestHead& request) {
  return answer.headers.has_token("Connection", "upgrade") && answer.headers.has_token("Upgrade", "websocket") &&
         answer.headers.get("Sec-WebSocket-Accept") == websocket::accept_key(request.headers.get("Sec-WebSocket-Key"));
}

}  // namespace

// --- the request's body ---

std::size_t Exchange::on_body(MutableBytes piece) {
  if (state_ != ExchangeState::kSending || !socket_is_settled_ || upstream_blocked_) {
    return file_ ? piece.size() : 0;  // no file wants a body
  }
  body_begun_ = true;
  body_in_ += piece.size();
  upstream_blocked_ = !upstream_->write_body(Bytes(piece));
  return piece.size();
}

void Exchange::on_request_end() {
  request_ended_ = true;
  if (state_ == ExchangeState::kSending && upstream_ && socket_is_settled_ && !head_.body.is_empty()) {
    upstream_->end_request();
  }
}

void Exchange::on_request_drained() {
  upstream_blocked_ = false;
  if (downstream_ != nullptr) downstream_->resume_body();
}

// --- the endpoint's answer ---

void Exchange::on_interim(http::ResponseHead& head) {
  if (head.status == 100) return;  // the proxy has said it, or need not
  rewrite_response(head);
  downstream_->send_interim(head);
}

void Exchange::on_response_head(http::ResponseHead& head) {
  answered_ = services_.timers.now();
  status_ = head.status;
  lease_->note_answer();
  if (plan_.is_negotiate(head_.method) && head.status == 200) lease_->note_negotiate();
  if (!is_foreign_negotiate() || head.status != 200) return pass_head(head);
  negotiate_.emplace(std::move(head), services_.affinity.tag(lease_->key()));
  if (const Result<void> good = negotiate_->check_head(); !good) refuse_negotiate(good.error());
}

void Exchange::pass_head(http::ResponseHead& head) {
  response_started_ = true;
  ++services_.metrics.responses[static_cast<std::size_t>(head.status / 100) % services_.metrics.responses.size()];
  rewrite_response(head);
  if (head.body.kind == http::BodyKind::kUntilClose) head.body = http::BodyFraming::chunked();
  // What came behind a refused upgrade was meant as another protocol: it must not be read as a request.
  if (http::offers_websocket(head_.upgrade)) head.keep_alive = false;
  downstream_->start_response(std::move(head));
}

std::size_t Exchange::on_response_body(MutableBytes piece) {
  if (negotiate_) {
    if (const Result<void> good = negotiate_->add(Bytes(piece)); !good) refuse_negotiate(good.error());
    return piece.size();
  }
  if (downstream_blocked_) return 0;
  body_out_ += piece.size();
  downstream_blocked_ = !downstream_->write_body(Bytes(piece));
  return piece.size();
}

void Exchange::on_response_drained() {
  if (file_) return send_file();
  downstream_blocked_ = false;
  if (upstream_) upstream_->resume_response();
}

void Exchange::on_response_end(bool reusable) {
  if (reusable && upstream_->is_idle() && lease_->life() != Endpoint::Life::kRemoved) {
    const LimitsConfig& limits = pool_->limits();
    lease_->idle().keep(std::move(upstream_), limits.idle_connections, limits.idle_connection_age);
  }
  if (negotiate_) return finish_negotiate();
  downstream_->end_response();
  finish(ExchangeState::kDone, false);
}

// --- a negotiate of a server that is not ours ---

bool Exchange::is_foreign_negotiate() const {
  return lease_ && !lease_->is_local() && plan_.is_negotiate(head_.method);
}

void Exchange::finish_negotiate() {
  if (const Result<void> good = negotiate_->finish(); !good) return refuse_negotiate(good.error());
  NegotiateAnswer answer = *std::exchange(negotiate_, std::nullopt);
  ++services_.metrics.responses[2];
  rewrite_response(answer.head());
  body_out_ += answer.body().size();
  downstream_->respond(std::move(answer.head()), answer.body());
  finish(ExchangeState::kDone, false);
}

// With an untagged token the client would only fail when it connects, with a 404 that misleads.
void Exchange::refuse_negotiate(const Error& error) {
  ++services_.metrics.negotiates_unreadable;
  services_.log.warn("negotiate answer cannot be read",
                     {{"pool", pool_->name()}, {"endpoint", lease_->name()}, {"error", error.what}});
  answer(502, TerminationReason::kNegotiateUnreadable);
}

void Exchange::on_failed(const http_client::Failure& failure) {
  services_.log.debug("upstream failed", {{"id", request_id_},
                                          {"endpoint", lease_->name()},
                                          {"error", failure.error.what},
                                          {"response_begun", failure.response_begun}});
  // A worker lets go of a relay socket that it refuses, and its word for it may come later. Until then it is unknown
  // whether anybody has read the request; where that does not matter, nobody waits for it.
  if (!socket_is_settled_ && !response_started_ && !failure.response_begun) {
    if (!failure.request_begun || plan_.is_repeatable(head_.method)) return connect_failed(failure.error);
    lost_ = failure;
    return services_.loop.dispose(std::move(upstream_));
  }
  upstream_failed(failure);
}

void Exchange::upstream_failed(const http_client::Failure& failure) {
  // The end of a connection that had waited for us says nothing of the server.
  const bool is_stale =
      failure.error.code == ErrorCode::kClosed && !failure.response_begun && upstream_ && upstream_->exchanges() > 1;
  lease_->note_response_failure(!response_started_ && !negotiate_ && !is_stale);
  if (response_started_) return cut();
  if (may_repeat(failure) && try_again()) return;
  switch (failure.error.code) {
    case ErrorCode::kTimeout: return answer(504, TerminationReason::kResponseTimeout);
    case ErrorCode::kClosed: return answer(502, TerminationReason::kEndpointClosed);
    default: return answer(502, TerminationReason::kBadResponse);
  }
}

void Exchange::on_upgraded(http::ResponseHead& head) {
  if (!plan_.is_upgrade || !is_correct_switch(head, head_) || !downstream_->can_take_connection()) {
    lease_->note_response_failure(true);
    services_.log.warn("bad answer to an upgrade", {{"pool", pool_->name()}, {"endpoint", lease_->name()}});
    return answer(502, TerminationReason::kBadResponse);
  }
  std::unique_ptr<net::Connection> endpoint = upstream_->take_connection();
  std::unique_ptr<net::Connection> client = std::exchange(downstream_, nullptr)->take_connection();
  rewrite_response(head);
  head.headers.set("Upgrade", "websocket");
  std::string text;
  http::append_response_head(text, head);
  client->write(text);
  ++services_.metrics.responses[1];
  ++lease_->counters.tunnels_opened;
  lease_->note_answer();
  move_to(ExchangeState::kSwitched);
  answered_ = services_.timers.now();
  recorded_ = true;
  WebSocketFacts facts = websocket_facts(AccessRecord::Way::kTunnel, endpoint_name_, endpoint_key_);
  AccessRecord opening = opening_record(AccessRecord::Way::kTunnel);
  opening.client = facts.client;
  services_.access_log.write(opening);
  const LimitsConfig& limits = pool_->limits();
  owner_.on_switched(std::move(client), std::move(endpoint), std::move(lease_),
                     {.idle = limits.tunnel_idle,
                      .half_close = limits.tunnel_half_close,
                      .write_idle = limits.write_idle,
                      .high_mark = limits.tunnel_high_mark},
                     std::move(facts));
}

// --- the proxy's own answers ---

void Exchange::answer_file() {
  StaticFile found = find_static_file(plan_.folder, plan_.route, plan_.path, head_);
  if (found.status == 200) {
    move_to(ExchangeState::kSending);
    ++services_.metrics.responses[2];
    status_ = 200;
    if (!head_.is_head()) body_out_ = found.size;
    ++services_.metrics.files_open;
    file_ = std::make_unique<FileAnswer>(*downstream_, std::move(found), head_.is_head());
    return send_file();
  }
  ErrorResponse response = make_error_response(found.status);
  if (found.status == 308) response.head.headers.add("Location", found.location);
  if (found.status == 405 || found.status == 204) response.head.headers.add("Allow", "GET, HEAD, OPTIONS");
  if (found.status == 304) {
    response.head.headers.clear();
    response.head.headers.add("ETag", found.etag);
    response.head.headers.add("Cache-Control", "no-cache");
    response.body.clear();
  }
  answer(std::move(response), TerminationReason::kCompleted);
}

void Exchange::send_file() {
  switch (file_->send()) {
    case FileAnswer::Progress::kWaiting: return;
    case FileAnswer::Progress::kDone: return finish(ExchangeState::kDone, false);
    case FileAnswer::Progress::kFailed: return cut();
  }
}

void Exchange::answer(int status) { answer(status, reason_of_refusal(status)); }

void Exchange::answer(int status, TerminationReason reason) { answer(make_error_response(status), reason); }

void Exchange::answer(ErrorResponse response, TerminationReason reason) {
  status_ = response.head.status;
  reason_ = reason;
  body_out_ += response.body.size();
  ++services_.metrics.responses[static_cast<std::size_t>(response.head.status / 100)];
  // What comes behind a request that we do not take as it was meant may be no request: the bytes of another protocol,
  // or those that somebody reads differently.
  const int status = response.head.status;
  const bool is_doubtful = status == 400 || status == 426 || http::offers_websocket(head_.upgrade);
  if (is_doubtful || head_.expects_continue) response.head.keep_alive = false;
  drop_upstream();
  downstream_->respond(std::move(response.head), response.body);
  finish(ExchangeState::kFailed, false);
}

// Half an answer is out: the client must see that the rest is missing.
void Exchange::cut() {
  ++services_.metrics.responses[0];
  reason_ = TerminationReason::kAnswerCut;
  downstream_->abort();
  finish(ExchangeState::kFailed, true);
}

void Exchange::finish(ExchangeState how, bool cut) {
  move_to(how);
  record(reason_);
  services_.log.debug("request", {{"id", request_id_},
                                  {"method", head_.method},
                                  {"path", plan_.path},
                                  {"pool", plan_.pool},
                                  {"endpoint", lease_ ? lease_->name() : std::string()},
                                  {"affinity", to_string(plan_.affinity)},
                                  {"outcome", cut ? "cut" : to_string(how)}});
  owner_.on_exchange_ended(cut);
}

}  // namespace hubgate::proxy
