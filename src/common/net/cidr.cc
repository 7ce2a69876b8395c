#include "common/net/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace hubgate::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // ::ffff:0:0/96

Error invalid(std::string_view text, const char* what) {
  return make_error(ErrorCode::kInvalid, "'" + std::string(text) + "' " + what);
}

// The bits of `byte` (the index'th of an address) that a prefix of `bits` leaves free.
std::uint8_t free_mask(std::size_t index, unsigned bits) {
  const std::size_t first = index * 8;
  if (bits >= first + 8) return 0;
  if (bits <= first) return 0xff;
  return static_cast<std::uint8_t>(0xff >> (bits - first));
}

}  // namespace

IpBytes ip_bytes(const Address& address) {
  IpBytes ip;
  if (address.family() == AF_INET) {
    ip.family = AF_INET;
    std::memcpy(ip.bytes.data(), &reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr, 4);
  } else if (address.family() == AF_INET6) {
    ip.family = AF_INET6;
    std::memcpy(ip.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr, 16);
    if (std::equal(kMapped.begin(), kMapped.end(), ip.bytes.begin())) {
      ip.family = AF_INET;
      std::copy(ip.bytes.begin() + 12, ip.bytes.end(), ip.bytes.begin());
      std::fill(ip.bytes.begin() + 4, ip.bytes.end(), std::uint8_t{0});
    }
  }
  return ip;
}

Result<Cidr> Cidr::parse(std::string_view text) {
  Cidr cidr;
  if (text == "unix") {
    cidr.family_ = AF_UNIX;
    return cidr;
  }
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  if (::inet_pton(AF_INET, host.c_str(), cidr.bytes_.data()) == 1) {
    cidr.family_ = AF_INET;
  } else if (::inet_pton(AF_INET6, host.c_str(), cidr.bytes_.data()) == 1) {
    cidr.family_ = AF_INET6;
  } else {
    return invalid(text, "is no range of addresses (write \"10.0.0.0/8\", \"fd00::/8\", one address or \"unix\")");
  }
  const unsigned most = cidr.family_ == AF_INET ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || bits > most) {
      return invalid(text, most == 32 ? "needs 0 to 32 bits behind the '/'" : "needs 0 to 128 bits behind the '/'");
    }
  }
  cidr.bits_ = static_cast<std::uint8_t>(bits);
  for (std::size_t i = 0; i < most / 8; ++i) {
    if ((cidr.bytes_[i] & free_mask(i, bits)) != 0) {
      return invalid(text, "has bits behind its prefix (set them to zero)");
    }
  }
  return cidr;
}

bool Cidr::contains(const Address& address) const {
  if (family_ == AF_UNIX) return address.is_unix();
  const IpBytes ip = ip_bytes(address);
  if (ip.family != family_) return false;
  for (std::size_t i = 0; i * 8 < bits_; ++i) {
    const auto fixed = static_cast<std::uint8_t>(~free_mask(i, bits_));
    if ((ip.bytes[i] & fixed) != bytes_[i]) return false;
  }
  return true;
}

bool contains(std::span<const Cidr> ranges, const Address& address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Cidr& range) { return range.contains(address); });
}

}  // namespace hubgate::net
