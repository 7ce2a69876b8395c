#include "proxy/access/termination_reason.h"

#include <array>

namespace hubgate::proxy {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(TerminationReason::kCount)> kWords = {
    "completed",        "no_route",
    "refused",          "rate_limited",
    "rejected",         "no_connection",
    "queue_full",       "queue_timeout",
    "no_endpoint",      "connect_failed",
    "connect_timeout",  "endpoint_closed",
    "bad_response",     "negotiate_unreadable",
    "response_timeout", "answer_cut",
    "client_gone",      "slow_client",
    "handover_no_ack",  "client_close",
    "server_close",     "lost",
    "endpoint_lost",    "protocol_error",
    "slow_consumer",    "close_timeout",
    "aborted",          "idle",
    "worker_died",      "other",
    "proxy_stopped"};

}  // namespace

std::string_view to_string(ClosedBy by) noexcept {
  switch (by) {
    case ClosedBy::kClient: return "client";
    case ClosedBy::kEndpoint: return "endpoint";
    case ClosedBy::kProxy: return "proxy";
    case ClosedBy::kNetwork: return "network";
    case ClosedBy::kCount: break;
  }
  return "?";
}

std::string_view to_string(TerminationReason reason) noexcept {
  return reason < TerminationReason::kCount ? kWords[static_cast<std::size_t>(reason)] : "?";
}

std::optional<TerminationReason> parse_reason(std::string_view word) noexcept {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<TerminationReason>(i);
  }
  return std::nullopt;
}

TerminationReason reason_of_refusal(int status) noexcept {
  switch (status) {
    case 404: return TerminationReason::kNoRoute;
    case 429: return TerminationReason::kRateLimited;
    case 503: return TerminationReason::kNoEndpoint;
    default: return TerminationReason::kRefused;
  }
}

}  // namespace hubgate::proxy
