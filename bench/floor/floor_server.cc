#include "floor/floor_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/base/base64.h"
#include "common/base/digest.h"

namespace floor_server {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;

// A server's text frame around `head`, `body` and `tail`, in `into`; returns its size.
std::size_t frame(char* into, std::string_view head, std::string_view body, std::string_view tail) {
  const std::size_t size = head.size() + body.size() + tail.size();
  std::size_t at = 2;
  into[0] = static_cast<char>(0x81);
  if (size < 126) {
    into[1] = static_cast<char>(size);
  } else {
    into[1] = 126;
    into[2] = static_cast<char>(size >> 8);
    into[3] = static_cast<char>(size & 0xff);
    at = 4;
  }
  for (const std::string_view part : {head, body, tail}) {
    std::memcpy(into + at, part.data(), part.size());
    at += part.size();
  }
  return at;
}

}  // namespace

struct FloorServer::Client {
  explicit Client(int socket) : fd(socket) {}
  int fd;
  bool upgraded = false;
  std::string partial;
  std::string unsent;
};

FloorServer::FloorServer(std::uint16_t port)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      groups_(10000),
      buffer_(std::make_unique<char[]>(kBuffer)) {
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 4096) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("floor: listen");
    std::exit(69);
  }
  port_ = ntohs(address.sin_port);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
}

void FloorServer::run() {
  epoll_event events[512];
  for (;;) {
    const int count = ::epoll_wait(epoll_, events, 512, -1);
    for (int i = 0; i < count; ++i) {
      auto* client = static_cast<Client*>(events[i].data.ptr);
      if (client == nullptr) {
        accept_all();
        continue;
      }
      if ((events[i].events & EPOLLOUT) && !client->unsent.empty()) {
        const ssize_t sent = ::send(client->fd, client->unsent.data(), client->unsent.size(), MSG_NOSIGNAL);
        if (sent > 0) client->unsent.erase(0, static_cast<std::size_t>(sent));
        if (client->unsent.empty()) {
          epoll_event event{};
          event.events = EPOLLIN;
          event.data.ptr = client;
          ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client->fd, &event);
        }
      }
      if (events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) on_readable(*client);
    }
  }
}

void FloorServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = new Client(fd);
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
}

void FloorServer::close(Client& client) {
  ::close(client.fd);
  std::erase(clients_, &client);
  for (auto& group : groups_) std::erase(group, &client);
  delete &client;
}

void FloorServer::on_readable(Client& client) {
  const std::size_t kept = client.partial.size();
  std::memcpy(buffer_.get(), client.partial.data(), kept);
  const ssize_t count = ::recv(client.fd, buffer_.get() + kept, kBuffer - kept, 0);
  if (count < 0) return;
  if (count == 0) return close(client);
  std::size_t size = kept + static_cast<std::size_t>(count);
  char* at = buffer_.get();
  while (size > 0) {
    const std::size_t taken =
        client.upgraded ? on_frame(client, at, size) : on_request(client, std::string_view(at, size));
    if (taken == 0) break;
    at += taken;
    size -= taken;
  }
  client.partial.assign(at, size);
}

std::size_t FloorServer::on_request(Client& client, std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const std::string_view head = bytes.substr(0, end + 4);
  if (head[0] == 'P') {
    char body[256];
    const int length = std::snprintf(
        body, sizeof body,
        "{\"negotiateVersion\":1,\"connectionId\":\"%022llu\",\"connectionToken\":\"%022llu\",\"availableTransports\":"
        "[{\"transport\":\"WebSockets\",\"transferFormats\":[\"Text\",\"Binary\"]}]}",
        static_cast<unsigned long long>(tokens_), static_cast<unsigned long long>(tokens_));
    ++tokens_;
    send(client, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(length) +
                     "\r\n\r\n" + body);
    return head.size();
  }
  constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
  const std::string key(head.substr(head.find(kKey) + kKey.size(), 24));
  const auto digest =
      hubgate::sha1({hubgate::as_bytes(key), hubgate::as_bytes("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")});
  send(client,
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           hubgate::base64_encode(digest) + "\r\n\r\n");
  client.upgraded = true;
  return head.size();
}

std::size_t FloorServer::on_frame(Client& client, char* bytes, std::size_t size) {
  if (size < 2) return 0;
  const auto byte = [bytes](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  std::size_t header = 6;
  std::size_t length = byte(1) & 0x7f;
  if (length == 126) {
    if (size < 4) return 0;
    header = 8;
    length = byte(2) << 8 | byte(3);
  }
  if (size < header + length) return 0;
  std::uint64_t mask = 0;
  std::memcpy(&mask, bytes + header - 4, 4);
  mask |= mask << 32;
  char* payload = bytes + header;
  std::size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, payload + i, 8);
    word ^= mask;
    std::memcpy(payload + i, &word, 8);
  }
  for (; i < length; ++i) payload[i] = static_cast<char>(payload[i] ^ bytes[header - 4 + i % 4]);
  on_record(client, std::string_view(payload, length - 1));
  return header + length;
}

void FloorServer::on_record(Client& client, std::string_view record) {
  char out[kBuffer];
  if (record[2] == 'p') {  // {"protocol":…
    clients_.push_back(&client);
    return send(client, std::string_view("\x81\x03{}\x1e", 5));
  }
  constexpr std::string_view kEcho = "{\"type\":1,\"invocationId\":\"00000000\",\"target\":\"Echo\",\"arguments\":[";
  constexpr std::string_view kBroadcast = "{\"type\":1,\"target\":\"Broadcast\",\"arguments\":[";
  constexpr std::string_view kSendToGroup = "{\"type\":1,\"target\":\"SendToGroup\",\"arguments\":[\"g";
  constexpr std::string_view kJoin =
      "{\"type\":1,\"invocationId\":\"join\",\"target\":\"JoinGroup\",\"arguments\":[\"g";
  constexpr std::string_view kMessage = "{\"type\":1,\"target\":\"msg\",\"arguments\":[";
  if (record[10] == 'i' || record[11] == 'i') {
    if (record[26] == 'j') {
      groups_[std::strtoul(record.data() + kJoin.size(), nullptr, 10)].push_back(&client);
      return send(client, std::string_view(
                              out, frame(out, "{\"type\":3,\"invocationId\":\"join\",\"result\":null}\x1e", "", "")));
    }
    const std::string_view argument = record.substr(kEcho.size(), record.size() - kEcho.size() - 2);
    std::string head = "{\"type\":3,\"invocationId\":\"00000000\",\"result\":";
    record.copy(head.data() + 26, 8, 26);
    return send(client, std::string_view(out, frame(out, head, argument, "}\x1e")));
  }
  if (record[20] == 'B') {
    const std::string_view argument = record.substr(kBroadcast.size(), record.size() - kBroadcast.size() - 2);
    const std::string_view framed(out, frame(out, kMessage, argument, "]}\x1e"));
    for (Client* receiver : clients_) send(*receiver, framed);
    return;
  }
  const auto& group = groups_[std::strtoul(record.data() + kSendToGroup.size(), nullptr, 10)];
  const std::size_t begin = kSendToGroup.size() + 6;  // four digits, a quote, a comma
  const std::string_view framed(out, frame(out, kMessage, record.substr(begin, record.size() - begin - 2), "]}\x1e"));
  for (Client* receiver : group) send(*receiver, framed);
}

void FloorServer::send(Client& client, std::string_view bytes) {
  if (client.unsent.empty()) {
    const ssize_t sent = ::send(client.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(bytes.size())) return;
    bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.ptr = &client;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
  }
  client.unsent += bytes;
}

}  // namespace floor_server
