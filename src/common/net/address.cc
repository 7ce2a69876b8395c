#include "common/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstring>

#include "common/base/ascii.h"

namespace hubgate::net {
namespace {

Error invalid(std::string_view text, std::string_view why) {
  return make_error(ErrorCode::kInvalid, "\"" + std::string(text) + "\" is no address: " + std::string(why));
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  Address address;
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    auto& socket = reinterpret_cast<sockaddr_un&>(address.storage_);
    if (path.empty()) return invalid(text, "the path is empty");
    if (path.size() >= sizeof socket.sun_path) return invalid(text, "the path is longer than 107 bytes");
    if (path.find('\0') != std::string_view::npos) return invalid(text, "the path holds a zero byte");
    socket.sun_family = AF_UNIX;
    std::memcpy(socket.sun_path, path.data(), path.size());
    address.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid(text, "there is no port (write \"127.0.0.1:8080\")");
  const auto port = parse_decimal(text.substr(colon + 1));
  if (!port || *port > 65535) return invalid(text, "the port is no number up to 65535");
  std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) {
    auto& socket = reinterpret_cast<sockaddr_in6&>(address.storage_);
    host = host.substr(1, host.size() - 2);
    if (::inet_pton(AF_INET6, host.c_str(), &socket.sin6_addr) != 1)
      return invalid(text, "the host is no IPv6 address");
    socket.sin6_family = AF_INET6;
    socket.sin6_port = htons(static_cast<std::uint16_t>(*port));
    address.length_ = sizeof(sockaddr_in6);
    return address;
  }
  if (host.find(':') != std::string::npos)
    return invalid(text, "an IPv6 host stands in brackets (write \"[::1]:8080\")");
  auto& socket = reinterpret_cast<sockaddr_in&>(address.storage_);
  if (::inet_pton(AF_INET, host.c_str(), &socket.sin_addr) != 1) return invalid(text, "the host is no IPv4 address");
  socket.sin_family = AF_INET;
  socket.sin_port = htons(static_cast<std::uint16_t>(*port));
  address.length_ = sizeof(sockaddr_in);
  return address;
}

Address Address::from(const sockaddr* address, socklen_t length) {
  Address result;
  if (address != nullptr && length > 0 && length <= sizeof result.storage_) {
    std::memcpy(&result.storage_, address, length);
    result.length_ = length;
  }
  return result;
}

Address Address::local_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return from(reinterpret_cast<sockaddr*>(&storage), length);
}

Address Address::peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return from(reinterpret_cast<sockaddr*>(&storage), length);
}

bool Address::is_loopback() const {
  if (family() == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr) >> 24) == 127;
  }
  if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr);
  return is_unix();
}

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
  return 0;
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage_).sin_addr, text, sizeof text);
    return text;
  }
  if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr, text, sizeof text);
    return text;
  }
  if (is_unix()) {
    constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
    const char* path = reinterpret_cast<const sockaddr_un&>(storage_).sun_path;
    return length_ > kPath ? std::string(path, ::strnlen(path, length_ - kPath)) : std::string();
  }
  return {};
}

std::string Address::to_string() const {
  if (family() == AF_INET) return host() + ":" + std::to_string(port());
  if (family() == AF_INET6) return "[" + host() + "]:" + std::to_string(port());
  if (is_unix()) return "unix:" + host();
  return {};
}

}  // namespace hubgate::net
