#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/descriptor.h"
#include "common/net/address.h"

namespace hubgate::test {

/// A SignalR client over a real WebSocket, blocking, JSON: for servers that run in another thread or process. Calls
/// that wait give up after 20 s, which only a failing test waits for.
class SocketClient {
 public:
  explicit SocketClient(Descriptor socket) : socket_(std::move(socket)) {
    const timeval limit{20, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  /// "127.0.0.1:8080", "unix:/path".
  static SocketClient connect_to(std::string_view address) {
    const auto parsed = net::Address::parse(address);
    Descriptor socket(::socket(parsed ? parsed->family() : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!parsed || ::connect(socket.get(), parsed->get(), parsed->length()) != 0) socket.reset();
    return SocketClient(std::move(socket));
  }

  static std::string upgrade_request(std::string_view target) {
    return "GET " + std::string(target) +
           " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  }
  /// Asks for a WebSocket and shakes hands; false when the server wants neither.
  bool open(std::string_view target) {
    write(upgrade_request(target));
    return answered();
  }
  /// The same when the request has been sent by somebody else.
  bool answered() {
    while (input_.find("\r\n\r\n") == input_.npos) {
      if (!read_more()) return false;
    }
    if (!input_.starts_with("HTTP/1.1 101 ")) return false;
    input_.erase(0, input_.find("\r\n\r\n") + 4);
    send(R"({"protocol":"json","version":1})");
    return receive() == "{}";
  }

  /// One JSON record in a frame of its own.
  void send(std::string_view json) {
    const std::string payload = std::string(json) + '\x1e';
    std::string frame{'\x81'};
    if (payload.size() < 126) {
      frame += static_cast<char>(0x80 | payload.size());
    } else {
      frame += '\xfe';
      frame += static_cast<char>(payload.size() >> 8);
      frame += static_cast<char>(payload.size() & 0xff);
    }
    frame += std::string(4, '\0');  // a mask of zeros changes nothing
    write(frame + payload);
  }
  /// The next record without its separator, pings left out; "" at the end of the connection.
  std::string receive() {
    for (;;) {
      const std::size_t end = records_.find('\x1e');
      if (end == records_.npos) {
        if (!read_frame()) return {};
        continue;
      }
      std::string record = records_.substr(0, end);
      records_.erase(0, end + 1);
      if (record != R"({"type":6})") return record;
    }
  }
  /// The status of the Close frame; 0 when the connection ended without one. Reads to the end.
  std::uint16_t close_code() {
    while (read_frame()) {
    }
    return close_code_;
  }
  bool is_connected() const { return socket_.is_open(); }

 private:
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  bool read_more() {
    char buffer[16 * 1024];
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    input_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }
  bool read_exactly(std::size_t size) {
    while (input_.size() < size) {
      if (!read_more()) return false;
    }
    return true;
  }
  bool read_frame() {
    if (close_code_ != 0 || !read_exactly(2)) return false;
    std::size_t header = 2;
    std::size_t length = static_cast<unsigned char>(input_[1]);
    if (length >= 126) {
      const std::size_t bytes = length == 126 ? 2 : 8;
      header += bytes;
      if (!read_exactly(header)) return false;
      length = 0;
      for (std::size_t i = 2; i < header; ++i) length = length << 8 | static_cast<unsigned char>(input_[i]);
    }
    if (!read_exactly(header + length)) return false;
    const int opcode = input_[0] & 15;
    const std::string payload = input_.substr(header, length);
    input_.erase(0, header + length);
    if (opcode == 8 && payload.size() >= 2) {
      close_code_ = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                               static_cast<unsigned char>(payload[1]));
      return true;
    }
    if (opcode == 1) records_ += payload;
    return true;
  }

  Descriptor socket_;
  std::string input_;
  std::string records_;
  std::uint16_t close_code_ = 0;
};

}  // namespace hubgate::test
