#pragma once

#include <sys/socket.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"

namespace hubgate::test {

/// Two connected, non-blocking stream (or packet) sockets.
struct SocketPair {
  explicit SocketPair(int type = SOCK_STREAM) {
    int fds[2];
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) throw std::runtime_error("socketpair");
    a.reset(fds[0]);
    b.reset(fds[1]);
  }
  Descriptor a;
  Descriptor b;
};

/// All bytes that can be read now.
inline std::string read_available(int fd) {
  std::string all;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count <= 0) return all;
    all.append(buffer, static_cast<std::size_t>(count));
  }
}

/// True when the peer has ended its side and everything before was read.
inline bool is_at_end(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

inline void write_all(int fd, std::string_view text) {
  if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("the socket did not take all");
  }
}

}  // namespace hubgate::test
