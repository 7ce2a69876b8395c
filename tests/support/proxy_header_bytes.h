#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

// Builds PROXY protocol headers, version 2, as a balancer would.

namespace hubgate::test {

inline std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

/// One addition.
inline std::string tlv(unsigned type, std::string_view value) {
  return std::string(1, static_cast<char>(type)) + u16(value.size()) + std::string(value);
}

inline std::string ip_bytes_of(const std::string& text) {
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  ::inet_pton(AF_INET6, text.c_str(), bytes.data());
  return {bytes.data(), 16};
}

/// `version_command` 0x21: PROXY, 0x20: LOCAL. `family` 0x11: TCP over IPv4, 0x21: over IPv6.
inline std::string proxy_v2(unsigned version_command, unsigned family, const std::string& rest) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(version_command);
  header += static_cast<char>(family);
  return header + u16(rest.size()) + rest;
}

inline std::string proxy_v2(const std::string& client, unsigned client_port, const std::string& local,
                            unsigned local_port, const std::string& additions = {}) {
  const std::string from = ip_bytes_of(client);
  return proxy_v2(0x21, from.size() == 4 ? 0x11 : 0x21,
                  from + ip_bytes_of(local) + u16(client_port) + u16(local_port) + additions);
}

}  // namespace hubgate::test
