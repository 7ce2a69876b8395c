#include "common/net/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "common/net/transport.h"

namespace hubgate::net {
namespace {

constexpr std::size_t kPartsPerWrite = 64;                             // iovec entries of one sendmsg
constexpr std::size_t kMaxTail = event::Loop::kReceiveBufferSize - 1;  // one byte must be readable besides it

CloseReason reason_of(IoResult::Status status) {
  return status == IoResult::Status::kTlsFailed ? CloseReason::kTlsFailed : CloseReason::kReset;
}

}  // namespace

std::string_view to_string(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::kEnded: return "ended";
    case CloseReason::kReset: return "reset";
    case CloseReason::kTlsFailed: return "tls_failed";
    case CloseReason::kOverflow: return "overflow";
  }
  return "?";
}

Connection::Connection(event::Loop& loop, Descriptor socket, Handler& handler)
    : Connection(loop, std::move(socket), nullptr, handler) {}

Connection::Connection(event::Loop& loop, Descriptor socket, std::unique_ptr<TlsTransport> tls, Handler& handler)
    : loop_(loop),
      socket_(std::move(socket)),
      handler_(&handler),
      tls_(std::move(tls)),
      readable_(loop, socket_.get(), event::FdWatcher::Direction::kRead, [this] { on_readable(); }) {
  readable_.start();
  if (tls_) want_writable(true);  // a client speaks first
}

Connection::~Connection() { close(); }

void Connection::set_handler(Handler& handler) {
  handler_ = &handler;
  if (!tail_.empty()) schedule_delivery();
}

void Connection::write(Payload payload) {
  assert(loop_.is_own_thread());
  if (!is_open() || broken_ || shutdown_pending_) return;
  output_.push(std::move(payload));
  if (!output_.empty()) loop_.flush_later(*this);
}

void Connection::write_through(Bytes bytes) {
  assert(loop_.is_own_thread());
  if (!is_open() || broken_ || shutdown_pending_ || bytes.empty()) return;
  const bool may_send = output_.empty() && (!tls_ || tls_->is_secured());
  if (may_send) {
    // sendmsg only reads what it is given.
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const IoResult result = tls_ ? tls_->write({&part, 1}) : plain_write(socket_.get(), {&part, 1});
    if (result.status == IoResult::Status::kDone) {
      bytes_out_ += result.count;
      bytes = bytes.subspan(result.count);
      if (bytes.empty()) return;
    }
    // A failure is found again by the flush, with an empty stack.
    blocked_ = true;
    blocked_since_ = loop_.now();
  }
  write(bytes);
}

std::uint64_t Connection::progress() const {
  int waiting = 0;  // in the kernel's buffer, not acknowledged
  if (::ioctl(socket_.get(), SIOCOUTQ, &waiting) != 0) waiting = 0;
  return bytes_out_ - static_cast<std::uint64_t>(waiting);
}

void Connection::pause(Pause reason) {
  paused_ |= static_cast<std::uint8_t>(reason);
  if (!closing_) readable_.stop();
}

void Connection::resume(Pause reason) {
  const bool was_paused = is_paused();
  paused_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(reason));
  if (!was_paused || is_paused() || !is_open()) return;
  if (!ended_) readable_.start();
  if (!tail_.empty() || (tls_ && tls_->has_buffered_input())) schedule_delivery();
}

void Connection::shutdown_when_flushed() {
  if (!is_open() || shutdown_pending_) return;
  shutdown_pending_ = true;
  loop_.flush_later(*this);
}

void Connection::close_when_flushed() {
  if (!is_open()) return;
  if (output_.empty()) return close();
  closing_ = true;
  std::vector<std::byte>().swap(tail_);
  if (!ended_) readable_.start();  // to notice a peer that breaks it
}

void Connection::close() {
  if (!socket_.is_open()) return;
  detach();
  if (tls_) tls_->shutdown();
  // Acts on the connection itself, whoever holds another copy of the descriptor (a proxy that has not read our ack).
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

void Connection::reset() {
  if (!socket_.is_open()) return;
  detach();
  const linger hard{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  socket_.reset();
}

Connection::Released Connection::release() {
  assert(!tls_ && output_.empty());
  detach();
  return {std::move(socket_), std::move(tail_)};
}

void Connection::unread(Bytes bytes) {
  tail_.insert(tail_.begin(), bytes.begin(), bytes.end());
  if (!tail_.empty()) schedule_delivery();
}

void Connection::on_readable() {
  if (tls_ && !tls_->is_secured() && !secure()) return;
  if (closing_) return discard_input();
  if (is_paused()) return;
  // What was kept comes first: the next read may find the end, and the handler must not hear of it before.
  const MutableBytes buffer = loop_.receive_buffer();
  if (tail_.size() > kMaxTail) return fail(CloseReason::kOverflow);
  std::copy(tail_.begin(), tail_.end(), buffer.begin());
  if (delivery_scheduled_ && !tail_.empty()) return deliver(tail_.size());
  const MutableBytes room = buffer.subspan(tail_.size());
  const IoResult result = tls_ ? tls_->read(room) : plain_read(socket_.get(), room);
  switch (result.status) {
    case IoResult::Status::kWouldBlock:
      if (tls_ && tls_->wants_write()) want_writable(true);
      return;
    case IoResult::Status::kEnded: return end_of_input();
    case IoResult::Status::kReset:
    case IoResult::Status::kTlsFailed: return fail(reason_of(result.status));
    case IoResult::Status::kDone: break;
  }
  bytes_in_ += result.count;
  deliver(tail_.size() + result.count);
}

void Connection::discard_input() {
  const IoResult result = tls_ ? tls_->read(loop_.receive_buffer()) : plain_read(socket_.get(), loop_.receive_buffer());
  if (result.status == IoResult::Status::kEnded) {
    ended_ = true;
    readable_.stop();
  } else if (result.status == IoResult::Status::kReset || result.status == IoResult::Status::kTlsFailed) {
    close();
  }
}

// The loop's receive buffer holds `available` bytes for the handler.
void Connection::deliver(std::size_t available) {
  const MutableBytes input = loop_.receive_buffer().first(available);
  const std::size_t taken = handler_->on_data(input);
  if (!is_open()) return;  // the handler closed us or gave the socket away
  assert(taken <= available);
  const auto rest = input.subspan(taken);
  if (rest.empty()) {
    std::vector<std::byte>().swap(tail_);
  } else {
    tail_.assign(rest.begin(), rest.end());
  }
  // What TLS has decrypted is not announced by the descriptor.
  if (tls_ && !is_paused() && tls_->has_buffered_input()) schedule_delivery();
}

void Connection::schedule_delivery() {
  if (delivery_scheduled_) return;
  delivery_scheduled_ = true;
  if (!alive_) alive_ = std::make_shared<char>();
  loop_.run_later([this, alive = std::weak_ptr<void>(alive_)] {
    if (alive.expired()) return;
    delivery_scheduled_ = false;
    deliver_unread();
  });
}

void Connection::deliver_unread() {
  if (!is_open() || is_paused()) return;
  if (tls_ && tls_->has_buffered_input()) return on_readable();
  if (tail_.empty()) return;
  if (tail_.size() > event::Loop::kReceiveBufferSize) return fail(CloseReason::kOverflow);
  std::copy(tail_.begin(), tail_.end(), loop_.receive_buffer().begin());
  deliver(tail_.size());
}

void Connection::end_of_input() {
  ended_ = true;
  readable_.stop();
  const bool keep = handler_->on_end();
  if (is_open() && !keep) fail(CloseReason::kEnded);
}

// Drives the handshake; true when it is over and bytes may be read.
bool Connection::secure() {
  const IoResult result = tls_->handshake();
  if (result.status == IoResult::Status::kWouldBlock) {
    want_writable(tls_->wants_write());
    return false;
  }
  if (result.status != IoResult::Status::kDone) {
    fail(result.status == IoResult::Status::kEnded ? CloseReason::kReset : reason_of(result.status));
    return false;
  }
  want_writable(false);
  if (!output_.empty() || shutdown_pending_) loop_.flush_later(*this);
  handler_->on_secured();
  return is_open();
}

void Connection::on_writable() {
  if (tls_ && !tls_->is_secured()) {
    if (secure() && tls_->has_buffered_input()) schedule_delivery();
    return;
  }
  want_writable(false);
  flush();
}

void Connection::flush() {
  if (!socket_.is_open() || broken_ || (tls_ && !tls_->is_secured()) || (writable_ && writable_->is_watching())) return;
  std::array<iovec, kPartsPerWrite> parts;
  while (!output_.empty()) {
    const std::size_t count = output_.describe(parts);
    const auto described = std::span(parts).first(count);
    const IoResult result = tls_ ? tls_->write(described) : plain_write(socket_.get(), described);
    if (result.status == IoResult::Status::kDone) {
      output_.consume(result.count);
      bytes_out_ += result.count;
      if (blocked_) blocked_since_ = loop_.now();
      continue;
    }
    if (result.status != IoResult::Status::kWouldBlock) return write_failed();
    if (!blocked_) {
      blocked_ = true;
      blocked_since_ = loop_.now();
    }
    want_writable(true);
    if (output_.size() <= low_mark_) {
      low_mark_ = 0;
      handler_->on_room();
    }
    return;
  }
  output_left();
}

void Connection::output_left() {
  const bool was_blocked = std::exchange(blocked_, false);
  low_mark_ = 0;
  if (closing_) return close();
  if (shutdown_pending_) {
    if (tls_) tls_->shutdown();
    ::shutdown(socket_.get(), SHUT_WR);
    broken_ = true;
    return;
  }
  if (was_blocked) handler_->on_drained();
}

// The peer takes nothing more. What it has sent before may still wait to be read (an answer that refuses what we are
// sending), so the reading side finds the end, unless it is paused or over.
void Connection::write_failed() {
  broken_ = true;
  blocked_ = false;
  output_.clear();
  if (closing_) return close();
  if (ended_ || is_paused()) fail(CloseReason::kReset);
}

void Connection::want_writable(bool wanted) {
  if (wanted) {
    if (!writable_) {
      writable_ = std::make_unique<event::FdWatcher>(loop_, socket_.get(), event::FdWatcher::Direction::kWrite,
                                                     [this] { on_writable(); });
    }
    writable_->start();
  } else if (writable_) {
    writable_->stop();
    loop_.dispose_value(std::move(writable_));  // it may be calling us just now
  }
}

void Connection::detach() {
  readable_.stop();
  want_writable(false);
  output_.clear();
  alive_.reset();
  blocked_ = false;
  closing_ = false;
}

void Connection::fail(CloseReason reason) {
  detach();
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
  handler_->on_closed(reason);
}

}  // namespace hubgate::net
