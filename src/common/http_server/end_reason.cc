#include "common/http_server/end_reason.h"

namespace hubgate::http_server {

std::string_view to_string(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::kPeerEnded: return "peer_ended";
    case EndReason::kPeerReset: return "peer_reset";
    case EndReason::kTlsFailed: return "tls_failed";
    case EndReason::kOverflow: return "overflow";
    case EndReason::kFinished: return "finished";
    case EndReason::kRejected: return "rejected";
    case EndReason::kIdle: return "idle";
    case EndReason::kSlowReader: return "slow_reader";
  }
  return "?";
}

EndReason end_reason_of(net::CloseReason reason) noexcept {
  switch (reason) {
    case net::CloseReason::kEnded: return EndReason::kPeerEnded;
    case net::CloseReason::kReset: return EndReason::kPeerReset;
    case net::CloseReason::kTlsFailed: return EndReason::kTlsFailed;
    case net::CloseReason::kOverflow: return EndReason::kOverflow;
  }
  return EndReason::kPeerReset;
}

}  // namespace hubgate::http_server
