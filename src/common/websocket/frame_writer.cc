#include "common/websocket/frame_writer.h"

#include <algorithm>
#include <vector>

#include "common/websocket/close_code.h"

namespace hubgate::websocket {
namespace {

constexpr std::byte byte_of(std::uint64_t value) noexcept { return static_cast<std::byte>(value & 0xFFU); }

/// The code and the reason in one buffer; returns how much of it is used.
std::size_t write_close_payload(std::array<std::byte, kMaxControlPayload>& into, std::uint16_t code,
                                std::string_view reason) noexcept {
  if (code == close_code::kNoStatus) return 0;
  into[0] = byte_of(code >> 8U);
  into[1] = byte_of(code);
  const Bytes text = as_bytes(reason.substr(0, kMaxControlPayload - 2));
  std::copy(text.begin(), text.end(), into.begin() + 2);
  return 2 + text.size();
}

}  // namespace

FrameHeaderBytes::FrameHeaderBytes(Opcode opcode, std::uint64_t length, bool fin) noexcept {
  bytes_[0] = byte_of(static_cast<unsigned>(opcode) | (fin ? 0x80U : 0U));
  if (length <= 125) {
    bytes_[1] = byte_of(length);
    size_ = 2;
    return;
  }
  const std::size_t length_bytes = length <= 0xFFFF ? 2 : 8;
  bytes_[1] = byte_of(length_bytes == 2 ? 126 : 127);
  for (std::size_t i = 0; i < length_bytes; ++i) bytes_[2 + i] = byte_of(length >> (8 * (length_bytes - 1 - i)));
  size_ = static_cast<std::uint8_t>(2 + length_bytes);
}

FrameHeaderBytes::FrameHeaderBytes(Opcode opcode, std::uint64_t length, const Mask& mask, bool fin) noexcept
    : FrameHeaderBytes(opcode, length, fin) {
  bytes_[1] |= std::byte{0x80};
  std::copy(mask.begin(), mask.end(), bytes_.begin() + size_);
  size_ = static_cast<std::uint8_t>(size_ + mask.size());
}

Payload make_frame(Opcode opcode, Bytes payload, bool fin) {
  return Payload(FrameHeaderBytes(opcode, payload.size(), fin).bytes(), payload);
}

Payload make_masked_frame(Opcode opcode, Bytes payload, const Mask& mask, bool fin) {
  std::vector<std::byte> masked(payload.begin(), payload.end());
  apply_mask(masked, mask);
  return Payload(FrameHeaderBytes(opcode, payload.size(), mask, fin).bytes(), masked);
}

Payload make_close_frame(std::uint16_t code, std::string_view reason) {
  std::array<std::byte, kMaxControlPayload> payload;
  const std::size_t size = write_close_payload(payload, code, reason);
  return make_frame(Opcode::kClose, {payload.data(), size});
}

Payload make_masked_close_frame(std::uint16_t code, const Mask& mask) {
  std::array<std::byte, kMaxControlPayload> payload;
  const std::size_t size = write_close_payload(payload, code, {});
  return make_masked_frame(Opcode::kClose, {payload.data(), size}, mask);
}

}  // namespace hubgate::websocket
