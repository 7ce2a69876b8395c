#include "hub/connections/http_connection_manager.h"

#include <algorithm>
#include <cassert>

namespace hubgate::hub {

HttpConnectionManager::HttpConnectionManager(event::Loop& loop, event::Timers& timers, Random& random, Log& log,
                                             ConnectionManagerOptions options)
    : loop_(loop),
      timers_(timers),
      random_(random),
      log_(log),
      options_(options),
      beat_(timers.now()),
      next_turn_(loop, [this] { attend_now(); }),
      heartbeat_(timers, [this] { heartbeat(); }) {
  heartbeat_.start(kHeartbeat);
}

HttpConnectionManager::~HttpConnectionManager() {
  on_load_changed_ = nullptr;
  while (!connections_.empty()) {
    HttpConnection& connection = *connections_.back();
    if (connection.state() == HttpConnection::State::kActive) connection.transport_->abort();
    remove(connection);
  }
}

const MappedPath& HttpConnectionManager::map(std::string path, ConnectionAcceptor& acceptor, NegotiateOptions options,
                                             OriginList origins) {
  assert(!options.transports.server_sent_events && !options.transports.long_polling);
  assert(!options.allow_stateful_reconnects);
  if (path.ends_with('/')) path.pop_back();
  paths_.push_back(std::make_unique<MappedPath>(MappedPath{std::move(path), &acceptor, options, std::move(origins)}));
  return *paths_.back();
}

void HttpConnectionManager::set_token_tag(std::string_view tag) {
  assert(tag.empty() || tag.size() == HttpConnection::kTagSize);
  auto found = std::find(tags_.begin(), tags_.end(), tag);
  // A gateway changes its tag when its keys rotate; after more rotations than a place can name, the oldest is reused.
  if (found == tags_.end() && tags_.size() > UINT8_MAX) {
    found = tags_.begin() + 1;
    *found = tag;
  }
  if (found == tags_.end()) found = tags_.emplace(tags_.end(), tag);
  tag_ = static_cast<std::uint8_t>(found - tags_.begin());
}

HttpConnection& HttpConnectionManager::create(const MappedPath& path, const Negotiation& negotiation) {
  const std::string random = random_.token();
  const std::string id = negotiation.is_version_0() ? tags_[tag_] + random : random_.token();
  HttpConnection& connection = add(std::make_unique<HttpConnection>(*this, path, id, random, timers_.now()));
  connection.tag_ = tag_;
  by_token_.insert(&connection);
  load_changed();
  return connection;
}

HttpConnection& HttpConnectionManager::create_unlisted(const MappedPath& path) {
  return add(std::make_unique<HttpConnection>(*this, path, random_.token(), std::string_view(), timers_.now()));
}

HttpConnection& HttpConnectionManager::add(std::unique_ptr<HttpConnection> connection) {
  connection->place_ = static_cast<std::uint32_t>(connections_.size());
  connections_.push_back(std::move(connection));
  return *connections_.back();
}

std::string HttpConnectionManager::token_of(const HttpConnection& connection) const {
  assert(connection.is_listed());
  return tags_[connection.tag_] + std::string(connection.token_random());
}

HttpConnection* HttpConnectionManager::find(std::string_view token, const MappedPath& path) const {
  if (token.size() < HttpConnection::kRandomSize) return nullptr;
  const std::size_t tag_size = token.size() - HttpConnection::kRandomSize;
  const auto found = by_token_.find(token.substr(tag_size));
  if (found == by_token_.end() || &(*found)->path() != &path) return nullptr;
  return tags_[(*found)->tag_] == token.substr(0, tag_size) ? *found : nullptr;
}

void HttpConnectionManager::on_attached(HttpConnection& connection) {
  ++active_;
  log_.debug("connection opened", {{"id", id_for_log(connection.connection_id(), connection.id_is_token())},
                                   {"path", connection.path().path},
                                   {"transport", to_string(connection.transport_type())},
                                   {"request", connection.request_id()}});
  load_changed();
}

void HttpConnectionManager::attend_later(HttpConnection& connection) {
  if (std::exchange(connection.is_attended_, true)) return;
  attended_.push_back(&connection);
  if (!next_turn_.is_running()) next_turn_.start(Duration::zero());
}

void HttpConnectionManager::attend_now() {
  const TimePoint now = timers_.now();
  std::vector<HttpConnection*> attended;
  attended.swap(attended_);
  for (HttpConnection* connection : attended) {
    connection->is_attended_ = false;
    attend(*connection, now);
  }
}

void HttpConnectionManager::attend(HttpConnection& connection, TimePoint now) {
  switch (connection.state()) {
    case HttpConnection::State::kInactive:
      if (now - connection.last_seen() > options_.disconnect_timeout) remove(connection);
      return;
    case HttpConnection::State::kActive:
      if (connection.is_finished_) connection.drop_facts();
      connection.transport_->attend(now);
      if (connection.is_finished_ && connection.transport_->is_over()) remove(connection);
      return;
    case HttpConnection::State::kDisposed: return;
  }
}

void HttpConnectionManager::heartbeat() {
  heartbeat_.start(kHeartbeat);
  const TimePoint now = beat_ = timers_.now();
  // From the end: removing moves the last one, which has been looked at, into the place.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) attend(*connections_[i], now);
  }
}

void HttpConnectionManager::remove(HttpConnection& connection) {
  const bool was_active = connection.state() == HttpConnection::State::kActive;
  connection.state_ = HttpConnection::State::kDisposed;
  if (connection.is_attended_) std::erase(attended_, &connection);
  if (connection.is_listed()) by_token_.erase(&connection);
  std::unique_ptr<HttpConnection> removed = std::move(connections_[connection.place_]);
  if (removed != connections_.back() && connections_.back()) {
    connections_.back()->place_ = removed->place_;
    connections_[removed->place_] = std::move(connections_.back());
  }
  connections_.pop_back();
  if (was_active) {
    --active_;
    const ClosedRecord record = removed->record();
    log_closed(*removed, record);
    if (on_closed_) on_closed_(record);
    removed->path().acceptor->released(*removed);
  }
  load_changed();
  // The socket's own callbacks may be on the stack of an event that is still pending.
  loop_.dispose_value(std::move(removed));
}

void HttpConnectionManager::log_closed(const HttpConnection& connection, const ClosedRecord& record) {
  // An operator looks for those whom we had to end; of the others there are many.
  const bool is_notable = record.reason == ClosedReason::kSlowConsumer || record.reason == ClosedReason::kProtocolError;
  const Log::Fields fields = {{"id", id_for_log(connection.connection_id(), connection.id_is_token())},
                              {"path", record.path},
                              {"reason", to_string(record.reason)},
                              {"code", record.websocket_code},
                              {"client", record.remote_address},
                              {"request", record.request_id}};
  if (is_notable) {
    log_.info("connection closed", fields);
  } else {
    log_.debug("connection closed", fields);
  }
}

std::size_t HttpConnectionManager::shut_down(std::size_t count) {
  std::size_t asked = 0;
  for (std::size_t looked = 0; looked < connections_.size() && asked < count; ++looked) {
    if (next_to_shut_down_ >= connections_.size()) next_to_shut_down_ = 0;
    if (ask_to_go(*connections_[next_to_shut_down_++])) ++asked;
  }
  return asked;
}

std::size_t HttpConnectionManager::shut_down_idle(std::size_t count) {
  std::vector<HttpConnection*> candidates;
  for (const auto& connection : connections_) {
    if (may_ask_to_go(*connection) && !connection->is_asked_) candidates.push_back(connection.get());
  }
  count = std::min(count, candidates.size());
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(candidates.begin(), end, candidates.end(),
                    [](const HttpConnection* a, const HttpConnection* b) { return a->last_seen() < b->last_seen(); });
  for (auto one = candidates.begin(); one != end; ++one) ask_to_go(**one);
  return count;
}

bool HttpConnectionManager::may_ask_to_go(const HttpConnection& connection) {
  return connection.state() == HttpConnection::State::kActive && !connection.is_finished_;
}

bool HttpConnectionManager::ask_to_go(HttpConnection& connection) {
  if (!may_ask_to_go(connection)) return false;
  connection.is_asked_ = true;
  connection.handler_->on_shutdown();
  return true;
}

void HttpConnectionManager::forget_pending() {
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (connections_[i]->state() == HttpConnection::State::kInactive) remove(*connections_[i]);
  }
}

void HttpConnectionManager::abort_all() {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    HttpConnection& connection = *connections_[i];
    if (connection.state() != HttpConnection::State::kActive) continue;
    connection.transport_->abort();
    if (!connection.is_finished_) connection.handler_->on_cut();
  }
}

}  // namespace hubgate::hub
