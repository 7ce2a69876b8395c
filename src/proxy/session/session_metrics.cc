#include "proxy/session/session_metrics.h"

namespace hubgate::proxy {

std::string_view to_string(HandoverResult result) noexcept {
  switch (result) {
    case HandoverResult::kAcked: return "acked";
    case HandoverResult::kRefused: return "refused";
    case HandoverResult::kFull: return "full";
    case HandoverResult::kTooLarge: return "too_large";
    case HandoverResult::kNoAck: return "no_ack";
    case HandoverResult::kWorkerDead: return "worker_dead";
    case HandoverResult::kCount: break;
  }
  return "?";
}

}  // namespace hubgate::proxy
