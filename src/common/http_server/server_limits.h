#pragma once

#include <cstdint>

#include "common/base/clock.h"
#include "common/http/http1_reader.h"

namespace hubgate::http_server {

/// What one client connection may cost. A value, shared by connections; each asks for it anew before every request,
/// so a reload takes effect with the next one. Defaults: spec of the proxy, table of defaults.
struct ServerLimits {
  http::ReaderLimits reader;
  std::uint64_t max_body = 1024 * 1024;  // bytes of one request's body; see Handler::body_limit
  Duration head_deadline =
      std::chrono::seconds(10);  // from a head's first byte (the first head: from the accept) to its end
  Duration tls_deadline = std::chrono::seconds(10);  // of the handshake
  Duration keep_alive_idle = std::chrono::seconds(65);
  std::uint32_t max_requests = 1000;               // on one connection
  Duration max_age = std::chrono::hours(1);        // no new request after it
  Duration body_idle = std::chrono::seconds(30);   // between two reads of a body
  std::uint64_t body_min_rate = 500;               // bytes a second of a body, on average; 0: any
  Duration body_grace = std::chrono::seconds(10);  // on top: a body of n bytes has this, and n / rate seconds
  Duration write_idle = std::chrono::seconds(30);  // output waits and the peer acknowledges none of it
  Duration linger_time = std::chrono::seconds(1);  // how long input is drained after our last byte
  std::size_t linger_bytes = 64 * 1024;
};

}  // namespace hubgate::http_server
