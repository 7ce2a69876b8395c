#pragma once

#include <functional>
#include <string>

#include <hubgate/result.h>

#include "common/base/descriptor.h"
#include "common/event/fd_watcher.h"
#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/net/proxy_header.h"

namespace hubgate::net {

/// Reads the PROXY header of one fresh connection and not a byte more, so that what follows it, plain or TLS, is found
/// in the socket as if there had been none. Owned by who waits for it; destroying it closes the socket. One thread,
/// the loop's.
class ProxyHeaderReceiver {
 public:
  /// The last call, once, with an empty stack: the header and the socket; or an error (kInvalid: no header or a bad
  /// one, kTimeout, kClosed), and the socket is closed already. It is destroyed after the turn (Loop::dispose_value),
  /// not in the call.
  using OnDone = std::function<void(Result<ProxyHeader> header, Descriptor socket)>;

  /// `time`: from now to the header's last byte.
  ProxyHeaderReceiver(event::Loop& loop, event::Timers& timers, Descriptor socket, Duration time, OnDone on_done);
  /// Gives up: on_done follows with kTimeout, from a later turn.
  void end_soon() { deadline_.start(Duration::zero()); }
  /// Closes in silence: on_done does not come any more.
  void close();
  ProxyHeaderReceiver(const ProxyHeaderReceiver&) = delete;
  ProxyHeaderReceiver& operator=(const ProxyHeaderReceiver&) = delete;

 private:
  void on_readable();
  void finish(Result<ProxyHeader> header);

  Descriptor socket_;
  OnDone on_done_;
  std::string received_;  // an incomplete header, already out of the socket
  event::FdWatcher readable_;
  event::Timer deadline_;
};

}  // namespace hubgate::net
