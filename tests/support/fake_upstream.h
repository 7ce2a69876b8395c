#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/net/address.h"

namespace hubgate::test {

/// What an upstream does on one connection.
struct UpstreamScript {
  std::string answer{};                               // to each whole request
  std::size_t piece = SIZE_MAX;                       // bytes of it sent in one turn
  std::optional<std::size_t> reset_at{};              // RST after so many bytes of answers
  std::optional<std::size_t> end_at{};                // FIN after so many bytes of answers
  std::optional<std::size_t> reset_after_received{};  // RST once so many bytes have come
  std::size_t body = 0;                               // bytes of body that make a request whole
  std::string ending = "\r\n\r\n";                    // what these follow; of chunks the last one
  bool reads = true;                                  // false: what is sent to it stays in the socket
};

/// A server turned by hand, over TCP or over sockets given to it: records every byte that it receives and answers by
/// its script, in pieces, with resets at chosen bytes.
class FakeUpstream {
 public:
  struct Connection {
    Descriptor socket;
    UpstreamScript script;
    std::string received;
    std::size_t seen = 0;  // bytes of `received` that belong to answered requests
    std::string unsent;
    std::size_t sent = 0;
    bool ended = false;  // the other side ended or broke it
  };

  /// Listens on a free port of the loopback address.
  FakeUpstream() {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
        ::listen(listener_.get(), 64) != 0) {
      throw std::runtime_error("cannot listen");
    }
    address_ = net::Address::local_of(listener_.get());
  }

  const net::Address& address() const { return address_; }
  /// For connections to come.
  UpstreamScript script;
  std::deque<Connection> connections;

  Connection& adopt(Descriptor socket) {
    connections.push_back({.socket = std::move(socket), .script = script, .received = {}, .unsent = {}});
    return connections.back();
  }
  /// From now on connects are refused.
  void stop_listening() { listener_.reset(); }
  /// Everything that came, on all connections.
  std::string received() const {
    std::string all;
    for (const Connection& one : connections) all += one.received;
    return all;
  }

  void turn() {
    if (listener_.is_open()) {
      for (;;) {
        Descriptor accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!accepted.is_open()) break;
        const int on = 1;  // pieces must leave one by one, and at once
        ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        adopt(std::move(accepted));
      }
    }
    for (Connection& one : connections) turn(one);
  }

 private:
  static void reset(Connection& one) {
    const linger hard{1, 0};
    ::setsockopt(one.socket.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    one.socket.reset();
  }

  static void turn(Connection& one) {
    if (!one.socket.is_open()) return;
    char buffer[65536];
    while (one.script.reads) {
      const ssize_t count = ::recv(one.socket.get(), buffer, sizeof buffer, 0);
      if (count == 0 || (count < 0 && errno == ECONNRESET)) one.ended = true;
      if (count <= 0) break;
      one.received.append(buffer, static_cast<std::size_t>(count));
    }
    if (one.script.reset_after_received && one.received.size() >= *one.script.reset_after_received) return reset(one);
    for (;;) {
      const std::size_t size = one.script.ending.size() + one.script.body;
      const std::size_t ending = one.received.find(one.script.ending, one.seen);
      if (ending == std::string::npos || one.received.size() < ending + size) break;
      one.seen = ending + size;
      one.unsent += one.script.answer;
    }
    std::size_t count = std::min(one.unsent.size(), one.script.piece);
    const std::size_t limit = std::min(one.script.reset_at.value_or(SIZE_MAX), one.script.end_at.value_or(SIZE_MAX));
    count = std::min(count, limit - one.sent);
    if (count > 0) {
      const ssize_t sent = ::send(one.socket.get(), one.unsent.data(), count, MSG_NOSIGNAL);
      if (sent > 0) {
        one.unsent.erase(0, static_cast<std::size_t>(sent));
        one.sent += static_cast<std::size_t>(sent);
      }
    }
    if (one.sent != limit) return;
    if (one.script.reset_at) return reset(one);
    ::shutdown(one.socket.get(), SHUT_WR);
  }

  Descriptor listener_;
  net::Address address_;
};

}  // namespace hubgate::test
