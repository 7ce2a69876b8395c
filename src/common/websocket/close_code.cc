#include "common/websocket/close_code.h"

#include "common/websocket/utf8_checker.h"

namespace hubgate::websocket {

bool may_be_sent(std::uint16_t code) noexcept {
  if (code >= 1000 && code <= 1003) return true;
  if (code >= 1007 && code <= 1014) return true;
  return code >= 3000 && code <= 4999;
}

ClosePayload read_close_payload(Bytes payload) noexcept {
  if (payload.empty()) return {true, close_code::kNoStatus, {}};
  if (payload.size() == 1) return {false, close_code::kProtocolError, {}};
  const auto code =
      static_cast<std::uint16_t>(static_cast<unsigned>(payload[0]) << 8 | static_cast<unsigned>(payload[1]));
  if (!may_be_sent(code)) return {false, close_code::kProtocolError, {}};
  const Bytes reason = payload.subspan(2);
  if (!is_utf8(reason)) return {false, close_code::kInvalidData, {}};
  return {true, code, reason};
}

}  // namespace hubgate::websocket
