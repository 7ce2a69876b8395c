#pragma once

#include <cstdint>

#include "common/base/bytes.h"

namespace hubgate::websocket {

/// Close codes that we give ourselves or compare with; a peer may send others (RFC 6455, 7.4).
namespace close_code {
inline constexpr std::uint16_t kNone = 0;  // no Close frame has been seen
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kNoStatus = 1005;  // never sent: a Close frame without a code
inline constexpr std::uint16_t kAbnormal = 1006;  // never sent: the end of the network
inline constexpr std::uint16_t kInvalidData = 1007;
inline constexpr std::uint16_t kTooBig = 1009;
inline constexpr std::uint16_t kInternalError = 1011;
}  // namespace close_code

/// Whether a Close frame may carry the code: 1000–1003, 1007–1014, 3000–4999.
bool may_be_sent(std::uint16_t code) noexcept;

/// What a Close frame's payload says. `code` is kNoStatus for an empty one, kProtocolError or kInvalidData with
/// `valid` false for one that breaks the rules.
struct ClosePayload {
  bool valid = true;
  std::uint16_t code = 0;
  Bytes reason;
};
ClosePayload read_close_payload(Bytes payload) noexcept;

}  // namespace hubgate::websocket
