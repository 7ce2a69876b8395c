#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "common/net/transport.h"

namespace hubgate::net {

TlsTransport::~TlsTransport() { SSL_free(session_); }

IoResult TlsTransport::failure(int result) {
  wants_write_ = false;
  switch (SSL_get_error(session_, result)) {
    case SSL_ERROR_WANT_READ: return {IoResult::Status::kWouldBlock};
    case SSL_ERROR_WANT_WRITE: wants_write_ = true; return {IoResult::Status::kWouldBlock};
    case SSL_ERROR_ZERO_RETURN: return {IoResult::Status::kEnded};
    case SSL_ERROR_SYSCALL: return {IoResult::Status::kReset};  // also an end without close_notify: may be a truncation
    default: break;
  }
  // A TCP end without close_notify: browsers do it, and it may be a truncation, so it is no orderly end.
  const bool cut = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  return {cut ? IoResult::Status::kReset : IoResult::Status::kTlsFailed};
}

IoResult TlsTransport::handshake() {
  using Outcome = TlsHandshakes::Ticket::Outcome;
  if (ticket_ && !ticket_->may_go_on()) return {IoResult::Status::kWouldBlock};
  const auto begun = std::chrono::steady_clock::now();
  ERR_clear_error();  // another session's error in the thread's queue would be taken for ours
  const int result = SSL_do_handshake(session_);
  if (ticket_) ticket_->spent(std::chrono::steady_clock::now() - begun);
  if (result != 1) {
    const IoResult failed = failure(result);
    if (ticket_ && failed.status == IoResult::Status::kTlsFailed) ticket_->finish(Outcome::kFailed);
    return failed;
  }
  if (ticket_) ticket_->finish(Outcome::kSucceeded);
  ticket_.reset();
  secured_ = true;
  wants_write_ = false;
  return {IoResult::Status::kDone};
}

IoResult TlsTransport::read(MutableBytes into) {
  std::size_t total = 0;
  // A record holds at most 16 KiB; several may have come.
  while (total < into.size()) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(session_, into.data() + total, into.size() - total, &count);
    if (result != 1) {
      if (total > 0 && SSL_get_error(session_, result) != SSL_ERROR_SSL) break;  // an end is seen by the next read
      return failure(result);
    }
    total += count;
  }
  return {IoResult::Status::kDone, total};
}

IoResult TlsTransport::write(std::span<iovec> parts) {
  // Small parts are joined: a record each would cost more than the copy.
  constexpr std::size_t kRecord = 16 * 1024;
  std::byte joined[kRecord];
  std::size_t size = 0;
  const void* data = joined;
  if (parts[0].iov_len >= kRecord || parts.size() == 1) {
    data = parts[0].iov_base;
    size = parts[0].iov_len;
  } else {
    for (const iovec& part : parts) {
      const std::size_t take = std::min(part.iov_len, kRecord - size);
      std::memcpy(joined + size, part.iov_base, take);
      size += take;
      if (size == kRecord) break;
    }
  }
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(session_, data, size, &count);
  if (result != 1) return failure(result);
  return {IoResult::Status::kDone, count};
}

bool TlsTransport::has_buffered_input() const { return SSL_has_pending(session_) == 1; }

void TlsTransport::shutdown() {
  ERR_clear_error();
  if (secured_) SSL_shutdown(session_);
}

}  // namespace hubgate::net
