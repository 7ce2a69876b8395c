#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "common/event/timer.h"
#include "common/http_client/client_connection.h"

namespace hubgate::proxy {

/// Connections to one endpoint that wait for a further exchange. Owned by its Endpoint. One that ends, or on which
/// bytes come that nobody asked for, is disposed of.
class IdleConnections {
 public:
  IdleConnections(event::Loop& loop, event::Timers& timers);
  ~IdleConnections();
  IdleConnections(const IdleConnections&) = delete;
  IdleConnections& operator=(const IdleConnections&) = delete;

  /// Keeps an idle connection for `age`, at most `max` of them: the oldest goes first.
  void keep(std::unique_ptr<http_client::ClientConnection> connection, std::size_t max, Duration age);
  /// The one that was used last, which is the likeliest to live; null when there is none. Its handler must be set. It
  /// is looked at first: one that has ended, or on which bytes wait, is disposed of instead.
  std::unique_ptr<http_client::ClientConnection> take();
  /// Disposes of all.
  void clear();
  std::size_t size() const { return idle_.size(); }

 private:
  struct Idle;
  void drop(Idle& idle);
  void on_old();

  event::Loop& loop_;
  std::list<std::unique_ptr<Idle>> idle_;  // the oldest first
  event::Timers& timers_;
  event::Timer oldest_;  // runs while there is one
};

}  // namespace hubgate::proxy
