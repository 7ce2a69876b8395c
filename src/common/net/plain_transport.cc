#include <sys/socket.h>

#include <cerrno>

#include "common/net/transport.h"

namespace hubgate::net {

IoResult plain_read(int fd, MutableBytes into) {
  for (;;) {
    const ssize_t count = ::recv(fd, into.data(), into.size(), 0);
    if (count > 0) return {IoResult::Status::kDone, static_cast<std::size_t>(count)};
    if (count == 0) return {IoResult::Status::kEnded};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoResult::Status::kWouldBlock};
    return {IoResult::Status::kReset};
  }
}

IoResult plain_write(int fd, std::span<iovec> parts) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  for (;;) {
    // MSG_NOSIGNAL: a peer that is gone is an error of this connection, not a signal of the process.
    const ssize_t count = parts.size() == 1 ? ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                                            : ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (count >= 0) return {IoResult::Status::kDone, static_cast<std::size_t>(count)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoResult::Status::kWouldBlock};
    return {IoResult::Status::kReset};
  }
}

}  // namespace hubgate::net
