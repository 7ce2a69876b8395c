#pragma once

#include <functional>

#include "common/event/fd_watcher.h"
#include "common/event/timer.h"
#include "common/net/address.h"

namespace hubgate::net {

/// Opens a listening socket (CLOEXEC, non-blocking, backlog 4096). A stale Unix socket, whose connect is refused, is
/// removed first, anything else in its place is not; a TCP address in use is tried again for `patience` (a gateway that
/// died may still be letting go), which blocks: at a start only. Errors: kRefused (needs privileges that this process
/// does not have, such as a port below 1024), kSystem; with the address in `what`.
Result<Descriptor> open_listening_socket(const Address& address, Duration patience = std::chrono::seconds(5));

/// Accepts connections on a listening socket that it owns. It is its registration.
class Listener {
 public:
  /// `on_accepted` gets a non-blocking socket with TCP_NODELAY and the peer's address.
  using OnAccepted = std::function<void(Descriptor socket, const Address& peer)>;

  Listener(event::Loop& loop, Descriptor socket, OnAccepted on_accepted);

  /// While `is_crowded` says so, asked before each batch, few are let in and the rest waits in the kernel's queue,
  /// which costs nobody anything: for when more have been let in than can be served.
  void slow_down_while(std::function<bool()> is_crowded) { is_crowded_ = std::move(is_crowded); }
  /// Accepting rests, the kernel queues; for "full".
  void pause();
  void resume();
  /// Gives up the socket; who waits in the kernel's queue is reset.
  void close();
  /// Accepts who waits in the queue, then closes and calls `on_closed` as the last act, never out of this call. Nobody
  /// else may hold a copy of the socket: its queue would go on filling.
  void close_when_empty(std::function<void()> on_closed);
  int fd() const { return socket_.get(); }
  const Address& address() const { return address_; }
  /// How often accepting rested because no descriptor was left.
  std::uint64_t exhausted() const { return exhausted_; }

  // So that one storm cannot starve the connections that live. In a storm, what lies between two of our calls is the
  // rest of a turn: when that is long, fewer are let in.
  static constexpr int kAcceptsPerTurn = 16;
  static constexpr int kAcceptsWhenBusy = 4;
  static constexpr Duration kBusyTurn = std::chrono::milliseconds(10);
  // After a batch of kAcceptsWhenBusy while it is crowded: some 400 a second are always let in.
  static constexpr Duration kCrowdedRest = std::chrono::milliseconds(10);

 private:
  int accepts_now() const;
  bool accept_one();
  void on_readable();
  void on_exhausted();
  void on_rest_over();
  void finish_closing();
  Descriptor socket_;
  Descriptor reserve_;  // given up to refuse one connection politely when descriptors run out
  Address address_;
  OnAccepted on_accepted_;
  event::FdWatcher watcher_;
  event::Timer rest_;
  std::function<bool()> is_crowded_;
  std::uint64_t exhausted_ = 0;
  event::Loop& loop_;
  std::function<void()> on_closed_;  // set: closing as soon as the queue is empty
  TimePoint last_batch_{};           // the end of our last call, when it left somebody in the queue
};

}  // namespace hubgate::net
