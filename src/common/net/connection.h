#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/event/fd_watcher.h"
#include "common/event/loop.h"
#include "common/net/output_queue.h"

namespace hubgate::net {

class TlsTransport;

/// Why a connection ended without our asking.
enum class CloseReason : std::uint8_t {
  kEnded,      // the peer closed its side in order (FIN, TLS close_notify)
  kReset,      // the peer or the network broke it (RST, time-out of the kernel)
  kTlsFailed,  // the handshake or a record was bad
  kOverflow,   // the handler took nothing from a full receive buffer
};
std::string_view to_string(CloseReason reason) noexcept;

/// Why reading is paused; it goes on when no reason is left.
enum class Pause : std::uint8_t { kBackpressure = 1, kBusy = 2, kThrottled = 4, kHeld = 8 };

/// A byte stream to a peer: a TCP or Unix stream socket, in plain or TLS. Owned by a session, pool, tunnel or
/// transport; one thread, its loop's. Reading goes through the loop's buffer, so an idle connection owns none; all
/// that is written in one turn leaves in one send at the turn's end, so write() never calls back.
class Connection final : private event::Flushable {
 public:
  /// What happens on a connection. A handler may close or dispose of the connection in any call, as its last act.
  class Handler {
   public:
    virtual ~Handler() = default;
    /// Bytes came; the view lives until the call returns and may be changed in place. Returns how many were taken;
    /// the rest is kept and shown again, in front of what comes next. 64 readable bytes of padding lie behind.
    virtual std::size_t on_data(MutableBytes input) = 0;
    /// The peer will send no more. True: keep our side open for writing (and hear nothing more of the reading side);
    /// false, the default: the connection is closed and on_closed(kEnded) follows. Bytes not taken are lost then.
    virtual bool on_end() { return false; }
    /// All output has left, after a time when it had not.
    virtual void on_drained() {}
    /// No more than the mark of tell_when_below() is unsent, but not all has left. Then only on_drained() would come.
    virtual void on_room() {}
    /// The TLS handshake is done. Not called on a plain connection.
    virtual void on_secured() {}
    /// The connection is closed, not by us. The last call, once. Never out of write().
    virtual void on_closed(CloseReason reason) = 0;
  };

  /// Plain, over a connected non-blocking socket. Reading starts with the next turn.
  Connection(event::Loop& loop, Descriptor socket, Handler& handler);
  /// TLS; the handshake begins at once. Bytes written before it is done wait.
  Connection(event::Loop& loop, Descriptor socket, std::unique_ptr<TlsTransport> tls, Handler& handler);
  ~Connection() override;

  /// The following events go to `handler`; for an upgrade, which hands the connection to another owner. Unread bytes
  /// are shown to it in the next turn.
  void set_handler(Handler& handler);

  void write(Payload payload);
  void write(std::string_view text) { write(Payload(text)); }
  void write(Bytes bytes) { write(Payload(bytes)); }
  /// Sends at once, without a copy, what the socket takes when nothing waits before it; the rest as write() does, and
  /// on_drained follows. For relaying, where the bytes of one read are already all there is to send in this turn.
  void write_through(Bytes bytes);

  /// Bytes accepted by write() that have not left this process.
  std::size_t unsent() const { return output_.size(); }
  /// Since when no byte could leave; meaningful while `is_blocked()`.
  TimePoint blocked_since() const { return blocked_since_; }
  bool is_blocked() const { return blocked_; }

  /// Calls on_room() once, from the loop, when unsent() has fallen to `mark` bytes; on_drained() instead when all left
  /// at once.
  void tell_when_below(std::size_t mark) { low_mark_ = mark; }

  void pause(Pause reason);
  void resume(Pause reason);
  bool is_paused() const { return paused_ != 0; }

  /// Ends our side after what was written has left; reading goes on.
  void shutdown_when_flushed();
  /// Closes after what was written has left, in silence; later input is thrown away.
  void close_when_flushed();
  /// Closes now, in silence: no callback leaves any more. May be called again.
  void close();
  /// Closes now with RST instead of FIN, in silence.
  void reset();
  bool is_open() const { return socket_.is_open() && !closing_; }

  bool is_tls() const { return tls_ != nullptr; }
  int fd() const { return socket_.get(); }
  event::Loop& loop() const { return loop_; }

  /// Gives socket and unread bytes away, for a handover: the descriptor has left the loop. Plain connections with
  /// nothing unsent only; this object is closed then.
  struct Released {
    Descriptor socket;
    std::vector<std::byte> unread;
  };
  Released release();
  /// Puts bytes that were read elsewhere in front of what comes; they are shown in the next turn.
  void unread(Bytes bytes);
  /// Bytes that came and that the handler has not taken, and may want before it gives them up; in on_closed, too.
  std::vector<std::byte> take_unread() { return std::exchange(tail_, {}); }

  /// A number that changes when the peer has taken something: by what its kernel has acknowledged, not by what ours has
  /// room for. One system call.
  std::uint64_t progress() const;

  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  void on_readable();
  void on_writable();
  void flush() override;
  bool secure();
  void discard_input();
  void deliver(std::size_t available);
  void deliver_unread();
  void schedule_delivery();
  void end_of_input();
  void write_failed();
  void output_left();
  void fail(CloseReason reason);
  void want_writable(bool wanted);
  void detach();

  event::Loop& loop_;
  Descriptor socket_;
  Handler* handler_;
  std::unique_ptr<TlsTransport> tls_;
  event::FdWatcher readable_;
  std::unique_ptr<event::FdWatcher> writable_;  // only while something did not fit
  OutputQueue output_;
  std::vector<std::byte> tail_;  // unread bytes, only while a message is incomplete
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  TimePoint blocked_since_{};
  std::shared_ptr<void> alive_;  // made only when a later turn must find out whether this object still lives
  std::size_t low_mark_ = 0;     // 0: nobody wants to be told
  std::uint8_t paused_ = 0;
  bool blocked_ = false;
  bool ended_ = false;               // the peer will send no more
  bool broken_ = false;              // our side can send no more
  bool closing_ = false;             // close when flushed
  bool shutdown_pending_ = false;    // shutdown(SHUT_WR) when flushed
  bool delivery_scheduled_ = false;  // a later turn shows the tail
};

}  // namespace hubgate::net
