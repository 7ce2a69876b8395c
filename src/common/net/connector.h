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
  using OnDone = std::function<void(Result<Descriptor>)>;  // errors: kRefused, kTimeout, kSystem; side upstream

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
