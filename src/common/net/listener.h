#pragma once

#include <functional>

#include "common/event/fd_watcher.h"
#include "common/event/timer.h"
#include "common/net/address.h"

namespace hubgate::net {

/// Opens a listening socket (CLOEXEC, non-blocking, backlog 4096). A stale Unix socket, whose connect is refused, is
/// removed first; a TCP address in use is tried again for 5 s (a gateway that died may still be letting go). Errors:
/// kSystem, with the address in `what`.
Result<Descriptor> open_listening_socket(const Address& address);

/// Accepts connections on a listening socket that it owns. It is its registration.
class Listener {
 public:
  /// `on_accepted` gets a non-blocking socket with TCP_NODELAY and the peer's address.
  using OnAccepted = std::function<void(Descriptor socket, const Address& peer)>;

  Listener(event::Loop& loop, Descriptor socket, OnAccepted on_accepted);

  /// Accepting rests, the kernel queues; for "full".
  void pause();
  void resume();
  /// Gives up the socket.
  void close();
  int fd() const { return socket_.get(); }
  const Address& address() const { return address_; }
  /// How often accepting rested because no descriptor was left.
  std::uint64_t exhausted() const { return exhausted_; }

  static constexpr int kAcceptsPerTurn = 16;  // so that one storm cannot starve the connections that live

 private:
  void on_readable();
  Descriptor socket_;
  Descriptor reserve_;  // given up to refuse one connection politely when descriptors run out
  Address address_;
  OnAccepted on_accepted_;
  event::FdWatcher watcher_;
  event::Timer rest_;
  std::uint64_t exhausted_ = 0;
};

}  // namespace hubgate::net
