#pragma once

#include <functional>
#include <optional>

#include "common/event/fd_watcher.h"
#include "common/event/timer.h"
#include "common/net/address.h"

namespace hubgate::net {

/// Connects one socket, once. Its destruction cancels. Calls back last, never out of start().
class Connector {
 public:
  /// Errors: kRefused, kTimeout, kSystem, of the other side; kUnavailable, side internal: we have no descriptor or no
  /// port to spare, which says nothing of the other side.
  using OnDone = std::function<void(Result<Descriptor>)>;

  Connector(event::Loop& loop, OnDone on_done);
  void start(const Address& address, Duration timeout);

 private:
  void finish(Result<Descriptor> result);
  event::Loop& loop_;
  OnDone on_done_;
  Descriptor socket_;
  Address address_;
  std::optional<event::FdWatcher> watcher_;
  event::Timer timer_;
  std::optional<Error> failed_at_once_;
};

}  // namespace hubgate::net
