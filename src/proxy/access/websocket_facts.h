#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/access/access_record.h"

namespace hubgate::proxy {

/// What must be remembered of a WebSocket from its opening to its end, for the second record.
struct WebSocketFacts {
  std::string request_id;
  std::string client;
  std::string listener;
  std::string path;   // at most kMostPath bytes
  std::string route;  // its prefix
  std::string pool;
  std::string endpoint;  // name
  EndpointKey key;
  std::uint64_t revision = 0;
  std::chrono::system_clock::time_point opened{};
  AccessRecord::Way way = AccessRecord::Way::kTunnel;
  Affinity affinity = Affinity::kNone;
  AffinityAction action = AffinityAction::kNone;
  bool tls = false;

  static constexpr std::size_t kMostPath = 64;  // bytes
};

/// A record with what is known; the rest is the caller's. Views into `facts`.
AccessRecord record_of(const WebSocketFacts& facts, AccessRecord::Kind kind);

}  // namespace hubgate::proxy
