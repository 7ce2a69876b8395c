#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <hubgate/result.h>

namespace hubgate::net {

/// A socket address: IPv4, IPv6 or a Unix socket's path. Numeric only; names are the Resolver's.
class Address {
 public:
  Address() = default;
  /// "127.0.0.1:8080", "[::1]:8080", "unix:/path". Error kInvalid says what is wrong with the text.
  static Result<Address> parse(std::string_view text);
  static Address from(const sockaddr* address, socklen_t length);
  /// The local or remote end of a socket; an empty address when the kernel has none.
  static Address local_of(int fd);
  static Address peer_of(int fd);

  bool is_empty() const { return length_ == 0; }
  bool is_unix() const { return family() == AF_UNIX; }
  bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }
  bool is_loopback() const;
  int family() const { return length_ == 0 ? AF_UNSPEC : storage_.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t length() const { return length_; }
  /// 0 where there is none.
  std::uint16_t port() const;
  /// Without the port, IPv6 without brackets; a Unix socket's path.
  std::string host() const;
  /// As parse() reads it; "unix:" for an unnamed Unix peer.
  std::string to_string() const;

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

}  // namespace hubgate::net
