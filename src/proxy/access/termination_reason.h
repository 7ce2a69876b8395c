#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hubgate::proxy {

/// Who ended an exchange, a tunnel or a handed-over connection: the field `by` of access records, a label of metrics.
enum class ClosedBy : std::uint8_t { kClient, kEndpoint, kProxy, kNetwork, kCount };
std::string_view to_string(ClosedBy by) noexcept;

/// How an HTTP exchange or a WebSocket ended: the field `reason` of access records and of
/// hubgate_proxy_tunnels_closed_total. A closed list; docs/reasons.md says of each what it means and what to do, and a
/// test compares the two.
enum class TerminationReason : std::uint8_t {
  // An HTTP exchange.
  kCompleted,            // answered in full
  kNoRoute,              // 404
  kRefused,              // by the route or the kind of request: 400, 403, 405, 421, 426
  kRateLimited,          // 429
  kRejected,             // malformed or late; the record's `detail` has the class
  kNoConnection,         // 404: of the token's endpoint nothing is left, nor any other to say so
  kQueueFull,            // 503
  kQueueTimeout,         // 503
  kNoEndpoint,           // 503: no pool, or every endpoint gave the client back
  kConnectFailed,        // 502, 503
  kConnectTimeout,       // 504
  kEndpointClosed,       // 502: before its answer
  kBadResponse,          // 502
  kNegotiateUnreadable,  // 502: a foreign server's answer to a negotiate could not be given a tag
  kResponseTimeout,      // 504
  kAnswerCut,            // the endpoint failed within its answer
  kClientGone,           // before its answer was complete
  kSlowClient,           // took nothing of its answer in time
  kHandoverNoAck,        // no worker said that it has the socket
  // A WebSocket.
  kClientClose,    // the client's Close frame came first
  kServerClose,    // the endpoint's
  kLost,           // the client's connection ended without one
  kEndpointLost,   // the endpoint's
  kProtocolError,  // the client broke the WebSocket protocol
  kSlowConsumer,
  kCloseTimeout,  // a Close was never answered
  kAborted,       // by the worker, at once
  kIdle,
  kWorkerDied,
  kOther,  // a word of the worker's that this list does not have
  // Both.
  kProxyStopped,
  kCount
};
std::string_view to_string(TerminationReason reason) noexcept;
/// The reason with that word; nothing for any other text.
std::optional<TerminationReason> parse_reason(std::string_view word) noexcept;

/// Ends of WebSockets.
struct ClosingCounts {
  std::array<std::array<std::uint64_t, static_cast<std::size_t>(TerminationReason::kCount)>,
             static_cast<std::size_t>(ClosedBy::kCount)>
      by_reason{};

  void add(ClosedBy by, TerminationReason reason, std::uint64_t count = 1) { at(by, reason) += count; }
  std::uint64_t& at(ClosedBy by, TerminationReason reason) {
    return by_reason[static_cast<std::size_t>(by)][static_cast<std::size_t>(reason)];
  }
};

/// Of an answer that the proxy makes by itself before it has looked for an endpoint.
TerminationReason reason_of_refusal(int status) noexcept;

}  // namespace hubgate::proxy
