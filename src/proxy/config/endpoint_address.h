#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hubgate/result.h>

#include "common/net/address.h"

namespace hubgate::proxy {

/// Where a remote endpoint is: an address, or the name of a host and a port.
struct EndpointAddress {
  net::Address address{};  // empty: `host` is to be resolved
  std::string host{};
  std::uint16_t port = 0;

  bool is_name() const { return address.is_empty(); }
  /// "10.0.0.1:8080", "[::1]:8080", "unix:/path", "app.internal:8080". Looks nothing up. Error kInvalid says what is
  /// wrong with the text, and a remedy.
  static Result<EndpointAddress> parse(std::string_view text);
};

}  // namespace hubgate::proxy
