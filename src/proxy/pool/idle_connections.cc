#include "proxy/pool/idle_connections.h"

#include <algorithm>
#include <cassert>

namespace hubgate::proxy {

struct IdleConnections::Idle final : http_client::ClientConnection::Handler {
  Idle(IdleConnections& owner, std::unique_ptr<http_client::ClientConnection> connection, TimePoint due)
      : owner(owner), connection(std::move(connection)), due(due) {}

  // No exchange is open, so nothing of one can come.
  void on_response_head(http::ResponseHead&) override { assert(false); }
  void on_response_end(bool) override { assert(false); }
  void on_failed(const http_client::Failure&) override { owner.drop(*this); }
  void on_closed() override { owner.drop(*this); }

  IdleConnections& owner;
  std::unique_ptr<http_client::ClientConnection> connection;
  TimePoint due;
};

IdleConnections::IdleConnections(event::Loop& loop, event::Timers& timers)
    : loop_(loop), timers_(timers), oldest_(timers, [this] { on_old(); }) {}

IdleConnections::~IdleConnections() { clear(); }

void IdleConnections::keep(std::unique_ptr<http_client::ClientConnection> connection, std::size_t max, Duration age) {
  assert(connection->is_idle());
  if (max == 0) return loop_.dispose(std::move(connection));
  while (idle_.size() >= max) drop(*idle_.front());
  idle_.push_back(std::make_unique<Idle>(*this, std::move(connection), timers_.now() + age));
  idle_.back()->connection->set_handler(*idle_.back());
  if (!oldest_.is_running()) oldest_.start_at(idle_.front()->due);
}

std::unique_ptr<http_client::ClientConnection> IdleConnections::take() {
  while (!idle_.empty() && !idle_.back()->connection->is_quiet()) drop(*idle_.back());
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Idle> idle = std::move(idle_.back());
  idle_.pop_back();
  if (idle_.empty()) oldest_.cancel();
  // The caller sets its own handler before control returns to the loop; until then ours must exist.
  std::unique_ptr<http_client::ClientConnection> connection = std::move(idle->connection);
  loop_.dispose_value(std::move(idle));
  return connection;
}

void IdleConnections::clear() {
  while (!idle_.empty()) drop(*idle_.front());
}

void IdleConnections::drop(Idle& idle) {
  const auto place = std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one.get() == &idle; });
  assert(place != idle_.end());
  std::unique_ptr<Idle> gone = std::move(*place);
  idle_.erase(place);
  if (idle_.empty()) oldest_.cancel();
  loop_.dispose(std::move(gone->connection));
  loop_.dispose_value(std::move(gone));
}

void IdleConnections::on_old() {
  const TimePoint now = timers_.now();
  while (!idle_.empty() && idle_.front()->due <= now) drop(*idle_.front());
  if (!idle_.empty()) oldest_.start_at(idle_.front()->due);
}

}  // namespace hubgate::proxy
