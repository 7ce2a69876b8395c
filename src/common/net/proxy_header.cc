#include "common/net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "common/base/ascii.h"

namespace hubgate::net {
namespace {

using Outcome = ProxyHeaderStep::Outcome;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedPart = 16;  // signature, version and command, family, length
constexpr std::string_view kTextStart = "PROXY ";

ProxyHeaderStep rejected(std::string_view why) { return {.outcome = Outcome::kRejected, .header = {}, .why = why}; }
ProxyHeaderStep need_more() { return {.header = {}, .why = {}}; }
ProxyHeaderStep done(std::size_t taken, ProxyHeader header = {}) {
  return {.outcome = Outcome::kDone, .taken = taken, .header = header, .why = {}};
}

Address make_address(int family, const void* ip, std::uint16_t port) {
  if (family == AF_INET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    std::memcpy(&address.sin_addr, ip, sizeof address.sin_addr);
    return Address::from(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  std::memcpy(&address.sin6_addr, ip, sizeof address.sin6_addr);
  return Address::from(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// ---- version 1

std::optional<Address> read_text_address(int family, std::string_view ip, std::string_view port) {
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(family, std::string(ip).c_str(), bytes.data()) != 1) return std::nullopt;
  const auto number = parse_decimal(port);
  if (!number || *number > 65535 || (port.size() > 1 && port.front() == '0')) return std::nullopt;
  return make_address(family, bytes.data(), static_cast<std::uint16_t>(*number));
}

// "TCP4 192.0.2.1 198.51.100.1 56324 443"
ProxyHeaderStep read_text_line(std::string_view line, std::size_t taken) {
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return done(taken);
  std::array<std::string_view, 5> words;
  std::size_t count = 0;
  while (count < words.size()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words[count++] = line.substr(0, end);
    if (end == line.size()) break;
    line.remove_prefix(end + 1);
    if (count == words.size()) return rejected("more than five words");
  }
  if (count != words.size()) return rejected("fewer than five words");
  const int family = words[0] == "TCP4" ? AF_INET : words[0] == "TCP6" ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC) return rejected("unknown protocol");
  const auto client = read_text_address(family, words[1], words[3]);
  const auto local = read_text_address(family, words[2], words[4]);
  if (!client || !local) return rejected("no address");
  return done(taken, {*client, *local});
}

ProxyHeaderStep read_text(std::string_view input) {
  const std::string_view start = input.substr(0, kTextStart.size());
  if (!kTextStart.starts_with(start)) return rejected("no PROXY header");
  const std::string_view line = input.substr(0, kMaxProxyHeaderText);
  const std::size_t end = line.find_first_of("\r\n");
  if (end == std::string_view::npos) {
    return line.size() < kMaxProxyHeaderText ? need_more() : rejected("too long");
  }
  if (line[end] == '\n') return rejected("a line feed alone");
  if (end + 1 == line.size()) return line.size() < kMaxProxyHeaderText ? need_more() : rejected("too long");
  if (line[end + 1] != '\n') return rejected("a carriage return alone");
  if (end < kTextStart.size()) return rejected("no PROXY header");
  return read_text_line(line.substr(kTextStart.size(), end - kTextStart.size()), end + 2);
}

// ---- version 2

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }
std::uint16_t u16_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(text, at) << 8 | byte_at(text, at + 1));
}
std::uint32_t u32_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint32_t>(u16_at(text, at)) << 16 | u16_at(text, at + 2);
}

// Castagnoli's, with the four bytes at `zeroed` counted as zeros.
std::uint32_t crc32c(std::string_view text, std::size_t zeroed) {
  std::uint32_t crc = 0xffffffff;
  for (std::size_t i = 0; i < text.size(); ++i) {
    crc ^= i >= zeroed && i < zeroed + 4 ? 0U : byte_at(text, i);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
  }
  return ~crc;
}

constexpr std::uint8_t kTypeCrc32c = 0x03;
constexpr std::uint8_t kTypeUniqueId = 0x05;
constexpr std::uint8_t kTypeSsl = 0x20;
constexpr std::size_t kSslFixedPart = 5;  // what the client did, and the outcome of its verification
constexpr std::size_t kMaxUniqueId = 128;

// The additions in header[at, end). Empty: nothing to object to.
std::string_view check_additions(std::string_view header, std::size_t at, std::size_t end, bool nested) {
  bool has_crc = false;
  while (at < end) {
    if (end - at < 3) return "an addition is cut";
    const std::uint8_t type = byte_at(header, at);
    const std::size_t length = u16_at(header, at + 1);
    at += 3;
    if (length > end - at) return "an addition is longer than the header";
    if (type == kTypeCrc32c && !nested) {
      if (std::exchange(has_crc, true) || length != 4) return "a bad checksum";
      if (crc32c(header, at) != u32_at(header, at)) return "a wrong checksum";
    } else if (type == kTypeUniqueId && !nested) {
      if (length > kMaxUniqueId) return "an addition is too long";
    } else if (type == kTypeSsl && !nested) {
      if (length < kSslFixedPart) return "an addition is cut";
      const std::string_view why = check_additions(header, at + kSslFixedPart, at + length, true);
      if (!why.empty()) return why;
    }
    at += length;
  }
  return {};
}

ProxyHeaderStep read_binary(std::string_view input) {
  if (input.size() < kFixedPart) {
    // The next byte but one decides: a version that is not ours is told at once.
    const bool other = input.size() > kSignature.size() && byte_at(input, kSignature.size()) >> 4 != 2;
    return other ? rejected("unknown version") : need_more();
  }
  const std::uint8_t command = byte_at(input, 12);
  if (command >> 4 != 2) return rejected("unknown version");
  if ((command & 15) > 1) return rejected("unknown command");
  const bool is_local = (command & 15) == 0;
  const std::size_t size = kFixedPart + u16_at(input, 14);
  if (size > kMaxProxyHeader) return rejected("too long");
  if (input.size() < size) return need_more();
  const std::string_view header = input.substr(0, size);

  enum : std::uint8_t { kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21, kUnixStream = 0x31 };
  const std::uint8_t family = byte_at(header, 13);
  std::size_t addresses = 0;
  switch (family) {
    case kUnspecified: break;
    case kTcp4: addresses = 2 * (4 + 2); break;
    case kTcp6: addresses = 2 * (16 + 2); break;
    case kUnixStream: addresses = 2 * 108; break;
    default: return is_local ? done(size) : rejected("unknown family");
  }
  if (kFixedPart + addresses > size) return rejected("the addresses are cut");
  const std::string_view why = check_additions(header, kFixedPart + addresses, size, false);
  if (!why.empty()) return rejected(why);
  if (is_local || (family != kTcp4 && family != kTcp6)) return done(size);
  const int ip_family = family == kTcp4 ? AF_INET : AF_INET6;
  const std::size_t ip = family == kTcp4 ? 4 : 16;
  const char* at = header.data() + kFixedPart;
  return done(size, {make_address(ip_family, at, u16_at(header, kFixedPart + 2 * ip)),
                     make_address(ip_family, at + ip, u16_at(header, kFixedPart + 2 * ip + 2))});
}

}  // namespace

ProxyHeaderStep read_proxy_header(Bytes bytes) {
  const std::string_view input = as_text(bytes);
  if (input.empty()) return need_more();
  if (input.front() == kTextStart.front()) return read_text(input);
  if (kSignature.starts_with(input.substr(0, kSignature.size()))) return read_binary(input);
  return rejected("no PROXY header");
}

}  // namespace hubgate::net
