#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <sys/uio.h>

#include "common/base/bytes.h"
#include "common/net/tls_handshakes.h"

struct ssl_st;

namespace hubgate::net {

/// Outcome of one attempt to read or write. `count` is meaningful for kDone only.
struct IoResult {
  enum class Status { kDone, kWouldBlock, kEnded, kReset, kTlsFailed };
  Status status;
  std::size_t count = 0;
};

/// recv and writev on a non-blocking socket.
IoResult plain_read(int fd, MutableBytes into);
IoResult plain_write(int fd, std::span<iovec> parts);

/// One TLS session over a non-blocking socket that it does not own.
class TlsTransport {
 public:
  /// `ticket`: this handshake's part of the loop's; null: it need not ask.
  explicit TlsTransport(ssl_st* session, std::unique_ptr<TlsHandshakes::Ticket> ticket = nullptr)
      : session_(session), ticket_(std::move(ticket)) {}
  ~TlsTransport();
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  /// kDone once the handshake is over; called again when the socket is ready, or in the next turn, since handshakes
  /// share a turn's time with others.
  IoResult handshake();
  bool is_secured() const { return secured_; }
  IoResult read(MutableBytes into);
  IoResult write(std::span<iovec> parts);
  /// Decrypted bytes wait that the descriptor does not announce.
  bool has_buffered_input() const;
  /// The last operation waits for the other direction (renegotiation, key update).
  bool wants_write() const { return wants_write_; }
  /// Says goodbye (close_notify); the socket's own end follows.
  void shutdown();

 private:
  IoResult failure(int result);
  ssl_st* session_;
  std::unique_ptr<TlsHandshakes::Ticket> ticket_;  // until the handshake is over
  bool secured_ = false;
  bool wants_write_ = false;
};

}  // namespace hubgate::net
