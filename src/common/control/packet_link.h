#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/control/hello.h"
#include "common/event/fd_watcher.h"
#include "common/event/loop.h"
#include "common/event/timer.h"

namespace hubgate::control {

/// One end of a SOCK_SEQPACKET socketpair: whole messages, each with at most one descriptor. Messages that the kernel
/// does not take now wait in a bounded queue, in order. A member of its owner, which ends by Loop::dispose; one
/// thread, its loop's.
class PacketLink {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// One message; the view lives until the call returns. `descriptor` is what came with it, if anything;
    /// `descriptor_lost`: one came, but this process had none to spare. May close the link.
    virtual void on_packet(Bytes message, Descriptor descriptor, bool descriptor_lost) = 0;
    /// All that was queued has left, after a time when something had not.
    virtual void on_sendable() {}
    /// The peer is gone, or broke a rule (a message too long, more than one descriptor): `why` says which. Everything
    /// that it had sent has been delivered. The last call, once; not after close().
    virtual void on_link_closed(std::string_view why) = 0;
  };
  enum class Sent { kSent, kQueued, kFull, kTooLarge, kClosed };

  /// Reading starts with the next turn. The socket is made non-blocking.
  PacketLink(event::Loop& loop, Descriptor socket, Handler& handler, std::size_t queue_limit = kQueueLimit);
  ~PacketLink();
  PacketLink(const PacketLink&) = delete;
  PacketLink& operator=(const PacketLink&) = delete;

  /// Sends a message, with a copy of `descriptor` unless that is -1. Never calls back. kQueued: it waits, holding a
  /// copy of the descriptor. kFull: the queue is at its limit, or the kernel has no room for one more descriptor on
  /// its way (ETOOMANYREFS, EMFILE); nothing was sent. kClosed: on_link_closed comes or has come.
  Sent send(std::string_view message, int descriptor = -1);
  std::size_t queued() const { return queue_.size(); }

  /// Delivers everything that can be read now; before the clock judges the peer, and after its death.
  void read_now();

  /// Closes, in silence.
  void close();
  bool is_open() const { return socket_.is_open(); }
  int fd() const { return socket_.get(); }

  /// Two connected ends, CLOEXEC and non-blocking. Error kSystem.
  static Result<std::pair<Descriptor, Descriptor>> make_pair();
  /// Asks for a send buffer; the kernel may cap it. Returns what there is now, in bytes.
  static std::size_t ask_for_send_buffer(int fd, std::size_t bytes);

  static constexpr std::size_t kQueueLimit = 256;  // messages
  static constexpr Duration kRetry = std::chrono::milliseconds(10);
  static constexpr int kMessagesPerTurn = 64;  // so that one link cannot starve the rest

 private:
  struct Waiting {
    std::string message;
    Descriptor descriptor;
  };
  enum class Read { kMessage, kNothing, kClosed };
  Read read_one();
  void on_readable();
  void flush_queue();
  Sent send_one(std::string_view message, int descriptor);
  void fail(std::string_view why);

  event::Loop& loop_;
  Descriptor socket_;
  Handler& handler_;
  std::size_t queue_limit_;
  event::FdWatcher readable_;
  event::FdWatcher writable_;
  event::Timer retry_;  // when it is descriptors on their way that are too many, which no event tells
  std::deque<Waiting> queue_;
};

}  // namespace hubgate::control
