#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "common/http/rejection.h"
#include "proxy/access/termination_reason.h"
#include "proxy/routing/affinity_tag.h"
#include "proxy/session/source_limits.h"

namespace hubgate::proxy {

/// How one handover ended: hubgate_proxy_handovers_total{result}.
enum class HandoverResult : std::uint8_t { kAcked, kRefused, kFull, kTooLarge, kNoAck, kWorkerDead, kCount };
std::string_view to_string(HandoverResult result) noexcept;

/// Living tunnels by route prefix and endpoint name. An entry stays while it is counted.
using TunnelCounts = std::map<std::pair<std::string, std::string>, std::uint64_t>;

inline constexpr std::size_t kAffinityCount = static_cast<std::size_t>(Affinity::kGone) + 1;

/// Plain counters of all sessions of one proxy; the admin's registry reads them when it is asked.
struct SessionMetrics {
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_active = 0;
  std::uint64_t sessions_silent = 0;  // of these, without a request so far
  std::uint64_t files_open = 0;       // being sent now
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  std::array<std::uint64_t, 6> responses{};  // by the status' first digit, 1 to 5; 0: ended without one
  std::array<std::uint64_t, static_cast<std::size_t>(HandoverResult::kCount)> handovers{};
  std::array<std::uint64_t, kAffinityCount> affinity{};  // by Affinity
  std::uint64_t negotiates_unreadable = 0;               // answers of foreign servers that became 502
  std::uint64_t tunnels_opened = 0;
  std::uint64_t tunnels_active = 0;
  TunnelCounts tunnels{};
  ClosingCounts tunnels_closed{};
  std::uint64_t tunnel_bytes_in = 0;     // from clients
  std::uint64_t tunnel_bytes_out = 0;    // to clients
  std::uint64_t tunnels_not_frames = 0;  // passed blindly after bytes that are no WebSocket frames
  std::array<std::uint64_t, http::kRejectionCount> rejected{};  // by http::Rejection
  std::array<std::uint64_t, static_cast<std::size_t>(SourceRefusal::kCount)> source_refused{};
};

}  // namespace hubgate::proxy
