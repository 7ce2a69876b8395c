#include "proxy/config/endpoint_address.h"

#include <algorithm>

#include "common/base/ascii.h"

namespace hubgate::proxy {
namespace {

constexpr std::size_t kMostName = 253;  // RFC 1035, 2.3.4, without the trailing dot
constexpr std::size_t kMostLabel = 63;

// Underscores are no host's by the book, and some networks of containers have them all the same.
bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kMostLabel || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) {
    const char lower = ascii_lower(c);
    return is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '-' || c == '_';
  });
}

// What ends in a number is a mistyped IPv4 address: no domain on top has only digits.
bool is_host_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > kMostName) return false;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !std::all_of(label.begin(), label.end(), is_digit);
    host.remove_prefix(dot + 1);
  }
}

// `why` may end with a remedy, which is for addresses only.
Error invalid(std::string_view why) {
  return make_error(ErrorCode::kInvalid, std::string(why.substr(0, why.find(" (write"))) +
                                             " (write \"10.0.0.1:8080\", \"[::1]:8080\", \"app.internal:8080\" or "
                                             "\"unix:/path\")");
}

}  // namespace

Result<EndpointAddress> EndpointAddress::parse(std::string_view text) {
  EndpointAddress parsed;
  const std::size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, colon);
  const auto port = colon == std::string_view::npos ? std::nullopt : parse_decimal(text.substr(colon + 1));
  if (is_host_name(host) && port && *port <= 65535 && host != "unix") {
    parsed.host = std::string(host);
    parsed.port = static_cast<std::uint16_t>(*port);
  } else {
    Result<net::Address> address = net::Address::parse(text);
    if (!address) return invalid(address.error().what);
    parsed.address = *address;
    parsed.port = address->port();
  }
  if (parsed.port == 0 && !parsed.address.is_unix()) {
    return make_error(ErrorCode::kInvalid,
                      "'" + std::string(text) + "' has no port (write the one that the server listens on)");
  }
  return parsed;
}

}  // namespace hubgate::proxy
