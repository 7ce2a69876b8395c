#include "hub/connections/http_connection.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "common/http/uri.h"
#include "hub/connections/http_connection_manager.h"

namespace hubgate::hub {

std::string_view to_string(TransportType type) noexcept {
  switch (type) {
    case TransportType::kNone: return "None";
    case TransportType::kWebSockets: return "WebSockets";
    case TransportType::kServerSentEvents: return "ServerSentEvents";
    case TransportType::kLongPolling: return "LongPolling";
  }
  return "?";
}

std::string_view id_for_log(std::string_view id, bool id_is_token) noexcept {
  constexpr std::size_t kShown = 6;
  if (!id_is_token) return id;
  return id.substr(id.size() - std::min(id.size(), HttpConnection::kRandomSize)).substr(0, kShown);
}

std::string_view to_string(InputEnd end) noexcept {
  switch (end) {
    case InputEnd::kClosed: return "closed";
    case InputEnd::kLost: return "lost";
    case InputEnd::kProtocolError: return "protocol_error";
    case InputEnd::kSlowConsumer: return "slow_consumer";
  }
  return "?";
}

std::string_view to_string(ClosedReason reason) noexcept {
  switch (reason) {
    case ClosedReason::kClientClose: return "client_close";
    case ClosedReason::kServerClose: return "server_close";
    case ClosedReason::kLost: return "lost";
    case ClosedReason::kProtocolError: return "protocol_error";
    case ClosedReason::kSlowConsumer: return "slow_consumer";
    case ClosedReason::kCloseTimeout: return "close_timeout";
    case ClosedReason::kAborted: return "aborted";
  }
  return "?";
}

std::string_view closed_by(ClosedReason reason) noexcept {
  switch (reason) {
    case ClosedReason::kClientClose:
    case ClosedReason::kProtocolError: return "client";
    case ClosedReason::kLost: return "network";
    default: return "server";
  }
}

std::optional<std::string> RequestFacts::query_value(std::string_view name) const {
  return http::query_value(query, name);
}

HttpConnection::HttpConnection(HttpConnectionManager& manager, const MappedPath& path, std::string_view id,
                               std::string_view random, TimePoint now)
    : manager_(manager), path_(path), last_seen_(now), id_size_(static_cast<std::uint8_t>(id.size())) {
  assert(id.size() <= id_.size() && (random.empty() || random.size() == kRandomSize));
  std::copy(id.begin(), id.end(), id_.begin());
  std::copy(random.begin(), random.end(), random_.begin());
}

void HttpConnection::begin(std::unique_ptr<RequestFacts> facts, const ConnectionOrigin& origin) {
  assert(state_ == State::kInactive);
  state_ = State::kActive;
  opened_ = std::chrono::system_clock::now();
  epoch_ = origin.epoch;
  number_ = origin.number;
  // One block for both: an idle connection is small.
  const std::size_t address_size = facts->remote_address.size();
  origin_text_ = std::make_unique<char[]>(address_size + origin.request_id.size() + 2);
  std::memcpy(origin_text_.get(), facts->remote_address.data(), address_size);
  std::memcpy(origin_text_.get() + address_size + 1, origin.request_id.data(), origin.request_id.size());
  facts_ = std::move(facts);
  manager_.on_attached(*this);
  handler_ = &path_.acceptor->accept(*this);
}

TransportType HttpConnection::transport_type() const { return transport_ ? transport_->type() : TransportType::kNone; }

const RequestFacts& HttpConnection::facts() const {
  static const RequestFacts kNone;
  return facts_ ? *facts_ : kNone;
}

void HttpConnection::close_when_flushed(std::uint16_t websocket_code) {
  if (is_finished_) return;
  transport_->close_when_flushed(websocket_code);
  finish();
}

void HttpConnection::abort() {
  transport_->abort();
  finish();
}

void HttpConnection::finish() {
  is_finished_ = true;
  attend_later();  // and the facts go: hub code that looks at them may be on the stack
}

std::size_t HttpConnection::on_input(MutableBytes input) {
  last_seen_ = manager_.beat_;
  return handler_->on_input(input);
}

void HttpConnection::attend_later() { manager_.attend_later(*this); }

std::string_view HttpConnection::request_id() const {
  const std::string_view address = origin_text_.get();
  return origin_text_.get() + address.size() + 1;
}

ClosedRecord HttpConnection::record() const {
  ClosedRecord record;
  transport_->describe(record);
  record.epoch = epoch_;
  record.number = number_;
  record.remote_address = origin_text_.get();
  record.request_id = request_id();
  record.path = path_.path;
  record.opened = opened_;
  return record;
}

}  // namespace hubgate::hub
