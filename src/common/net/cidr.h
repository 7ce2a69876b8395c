#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <hubgate/result.h>

#include "common/net/address.h"

namespace hubgate::net {

/// A range of addresses: "10.0.0.0/8", "2001:db8::/32", one address ("192.0.2.7"), or "unix": every peer on a Unix
/// socket. An IPv4 address inside of IPv6 (::ffff:a.b.c.d) is that IPv4 address, here and everywhere below.
class Cidr {
 public:
  /// Error kInvalid says what is wrong with the text. Bits behind the prefix must be zero: "10.1.2.3/8" is a mistake.
  static Result<Cidr> parse(std::string_view text);
  bool contains(const Address& address) const;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint8_t bits_ = 0;  // of the prefix
  int family_ = 0;         // AF_INET, AF_INET6, AF_UNIX
};

/// Whether any of the ranges holds the address.
bool contains(std::span<const Cidr> ranges, const Address& address);

/// The address's bytes and family, IPv4 inside of IPv6 taken out; family AF_UNSPEC for what is no IP address.
struct IpBytes {
  int family = 0;
  std::array<std::uint8_t, 16> bytes{};
};
IpBytes ip_bytes(const Address& address);

}  // namespace hubgate::net
