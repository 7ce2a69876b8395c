#include "hubload/load_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "hubload/generator.h"

namespace hubload {

std::string make_frame(std::string_view payload) {
  std::string frame("\x81", 1);
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  frame.append(4, '\0');
  frame += payload;
  return frame;
}

LoadClient::~LoadClient() { close(); }

void LoadClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::kClosed;
}

void LoadClient::fail(const char* why) {
  const State last = state_;
  close();
  generator_.on_failed(*this, last, why);
}

void LoadClient::connect(const Options& options) {
  options_ = &options;
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail("no descriptor");
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Several source addresses: one has about 28,000 ports for one destination.
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + index_ % 8);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&source), sizeof source) != 0) return fail("no source address");
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(options.port);
  ::inet_pton(AF_INET, options.host.c_str(), &target.sin_addr);
  generator_.add(*this);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&target), sizeof target) != 0 && errno != EINPROGRESS) {
    return fail("connect refused");
  }
  state_ = State::kConnecting;
  unsent_ = "POST " + options.path + "/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: " + options.host + ":" +
            std::to_string(options.port) + "\r\nContent-Length: 0\r\n\r\n";
}

void LoadClient::send(std::string_view frame) {
  if (state_ == State::kClosed) return;
  if (unsent_.empty()) {
    const ssize_t sent = ::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(frame.size())) return;
    if (sent < 0 && errno != EAGAIN) return fail("send failed");
    frame.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    generator_.want_write(*this, true);
  }
  unsent_ += frame;
}

void LoadClient::flush() {
  if (state_ == State::kConnecting) state_ = State::kNegotiating;
  if (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return fail("send failed");
    if (sent > 0) unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  if (unsent_.empty()) generator_.want_write(*this, false);
}

void LoadClient::on_ready(std::uint32_t events) {
  if (events & EPOLLOUT) flush();
  if (state_ == State::kClosed || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  const std::string_view buffer = generator_.receive(fd_);
  if (buffer.data() == nullptr) return;
  if (buffer.empty()) return fail("closed by the server");
  if (partial_.empty()) {
    on_bytes(buffer);
  } else {
    std::string whole = std::move(partial_);
    partial_.clear();
    whole += buffer;
    on_bytes(whole);
  }
}

void LoadClient::on_bytes(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::kClosed) {
    const std::size_t taken = state_ < State::kHandshaking ? on_response(bytes) : on_frame(bytes);
    if (taken == 0) break;
    bytes.remove_prefix(taken);
  }
  if (state_ == State::kClosed) return;
  if (bytes.empty()) {
    std::string().swap(partial_);
  } else {
    partial_ = std::string(bytes);
  }
}

std::size_t LoadClient::on_response(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const std::string_view head = bytes.substr(0, end + 4);
  if (state_ == State::kUpgrading) {
    if (head.substr(9, 3) != "101") return fail("upgrade refused"), 0;
    state_ = State::kHandshaking;
    send(make_frame("{\"protocol\":\"json\",\"version\":1}\x1e"));
    return head.size();
  }
  if (head.substr(9, 3) != "200") return fail("negotiate refused"), 0;
  std::size_t at = head.find("ontent-");
  while (at != std::string_view::npos && head.substr(at + 7, 7) != "Length:" && head.substr(at + 7, 7) != "length:") {
    at = head.find("ontent-", at + 7);
  }
  if (at == std::string_view::npos) return fail("negotiate without a length"), 0;
  const std::size_t length = std::strtoul(head.data() + at + 14, nullptr, 10);
  if (bytes.size() < head.size() + length) return 0;
  const std::string_view body = bytes.substr(head.size(), length);
  constexpr std::string_view kToken = "\"connectionToken\":\"";
  const std::size_t token = body.find(kToken);
  if (token == std::string_view::npos) return fail("negotiate without a token"), 0;
  const std::size_t begin = token + kToken.size();
  const std::string id(body.substr(begin, body.find('"', begin) - begin));
  state_ = State::kUpgrading;
  send("GET " + options_->path + "?id=" + id + " HTTP/1.1\r\nHost: " + options_->host + ":" +
       std::to_string(options_->port) +
       "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
       "Sec-WebSocket-Version: 13\r\n\r\n");
  return head.size() + length;
}

std::size_t LoadClient::on_frame(std::string_view bytes) {
  if (bytes.size() < 2) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  std::size_t header = 2;
  std::size_t length = byte(1);
  if (length == 126) {
    if (bytes.size() < 4) return 0;
    header = 4;
    length = byte(2) << 8 | byte(3);
  } else if (length == 127) {
    if (bytes.size() < 10) return 0;
    header = 10;
    length = 0;
    for (std::size_t i = 2; i < 10; ++i) length = length << 8 | byte(i);
  }
  if (bytes.size() < header + length) return 0;
  const std::size_t opcode = byte(0) & 0x0f;
  if (opcode == 8) return fail("closed by a close frame"), 0;
  std::string_view payload = bytes.substr(header, length);
  while (!payload.empty()) {
    const std::size_t end = payload.find('\x1e');
    if (end == std::string_view::npos) return fail("a message without its end"), 0;
    const std::string_view record = payload.substr(0, end);
    payload.remove_prefix(end + 1);
    if (state_ == State::kHandshaking) {
      if (record != "{}") return fail("handshake refused"), 0;
      state_ = State::kReady;
      generator_.on_connected(*this);
    } else if (record != "{\"type\":6}") {
      generator_.on_record(*this, record);
    }
    if (state_ == State::kClosed) return 0;
  }
  return header + length;
}

}  // namespace hubload
