#include "proxy/session/exchange_state.h"

namespace hubgate::proxy {

bool may_move(ExchangeState from, ExchangeState to) noexcept {
  using enum ExchangeState;
  switch (from) {
    case kReadingHead: return to == kChoosing || to == kSending || to == kFailed;
    case kChoosing: return to == kConnecting || to == kHandedOver || to == kSending || to == kFailed;
    case kConnecting: return to == kSending || to == kChoosing || to == kFailed;
    case kSending: return to == kDone || to == kSwitched || to == kChoosing || to == kFailed;
    case kHandedOver: return to == kDone || to == kChoosing || to == kFailed;
    case kDone:
    case kSwitched:
    case kFailed: return false;
  }
  return false;
}

std::string_view to_string(ExchangeState state) noexcept {
  switch (state) {
    case ExchangeState::kReadingHead: return "reading_head";
    case ExchangeState::kChoosing: return "choosing";
    case ExchangeState::kConnecting: return "connecting";
    case ExchangeState::kSending: return "sending";
    case ExchangeState::kHandedOver: return "handed_over";
    case ExchangeState::kDone: return "done";
    case ExchangeState::kSwitched: return "switched";
    case ExchangeState::kFailed: return "failed";
  }
  return "?";
}

}  // namespace hubgate::proxy
