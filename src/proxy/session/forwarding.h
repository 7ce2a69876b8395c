#pragma once

#include <string>

#include "common/http/headers.h"
#include "proxy/session/client_facts.h"

namespace hubgate::proxy {

/// Who sent a request, seen through the balancers before us, and what its forwarding fields shall say.
struct ForwardedClient {
  net::Address client;  // port 0 where only a field names it
  std::string chain;    // X-Forwarded-For: the client, then the balancers between it and us; "" when none is on IP
  bool https = false;   // X-Forwarded-Proto
  std::string host;     // X-Forwarded-Host
};

/// `headers` as they came. A peer that is not trusted is the client, whatever its fields say. A trusted one's are read
/// from right to left, up to the first address that is not trusted: what stands left of that is the client's own claim
/// and is dropped. X-Forwarded-For or Forwarded; when both are there and name different clients, neither is believed,
/// since it is unknown which of them the balancer wrote.
ForwardedClient forwarded_client(const http::Headers& headers, const ClientFacts& facts);

}  // namespace hubgate::proxy
