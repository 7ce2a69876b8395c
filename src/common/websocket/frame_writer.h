#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/bytes.h"
#include "common/websocket/frame_header.h"

namespace hubgate::websocket {

/// A frame's header, built in place.
class FrameHeaderBytes {
 public:
  /// Unmasked, as a server writes.
  FrameHeaderBytes(Opcode opcode, std::uint64_t length, bool fin = true) noexcept;
  /// Masked, as a client writes; the payload must be masked with the same mask.
  FrameHeaderBytes(Opcode opcode, std::uint64_t length, const Mask& mask, bool fin = true) noexcept;
  Bytes bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<std::byte, kMaxFrameHeader> bytes_;
  std::uint8_t size_ = 0;
};

/// A whole frame as one payload, which receivers can share.
Payload make_frame(Opcode opcode, Bytes payload, bool fin = true);
/// A whole frame of a client.
Payload make_masked_frame(Opcode opcode, Bytes payload, const Mask& mask, bool fin = true);

/// A server's Close frame; code kNoStatus writes none. `reason` is cut at 123 bytes.
Payload make_close_frame(std::uint16_t code, std::string_view reason = {});
Payload make_masked_close_frame(std::uint16_t code, const Mask& mask);

}  // namespace hubgate::websocket
