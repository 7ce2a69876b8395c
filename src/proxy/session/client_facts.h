#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/net/address.h"
#include "common/net/cidr.h"

namespace hubgate::proxy {

/// What the proxy knows of a connection's client and tells the endpoint.
struct ClientFacts {
  std::string listener;  // its name
  net::Address peer;     // the client, or the balancer before it; of a PROXY header if there was one
  net::Address local;    // the address that it reached
  bool tls = false;
  std::optional<unsigned> user{};        // uid of a client on a Unix socket
  std::span<const net::Cidr> trusted{};  // whose forwarding fields are believed; the listener's
  std::shared_ptr<void> place = {};      // among the connections of its source; goes where the socket goes
};

}  // namespace hubgate::proxy
