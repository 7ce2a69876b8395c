#include "common/websocket/frame_header.h"

#include <algorithm>

#include "common/websocket/close_code.h"

namespace hubgate::websocket {

std::optional<FrameHeader> read_frame_header(Bytes input) noexcept {
  if (input.size() < 2) return std::nullopt;
  const auto first = static_cast<std::uint8_t>(input[0]);
  const auto second = static_cast<std::uint8_t>(input[1]);
  FrameHeader header;
  header.fin = (first & 0x80U) != 0;
  header.reserved = first & 0x70U;
  header.opcode = first & 0x0FU;
  header.masked = (second & 0x80U) != 0;
  const std::uint8_t short_length = second & 0x7FU;
  const std::size_t length_bytes = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
  header.size = 2 + length_bytes + (header.masked ? 4 : 0);
  if (input.size() < header.size) return std::nullopt;
  if (length_bytes == 0) {
    header.length = short_length;
  } else {
    for (std::size_t i = 0; i < length_bytes; ++i) {
      header.length = header.length << 8 | static_cast<std::uint8_t>(input[2 + i]);
    }
    header.minimal = length_bytes == 2 ? header.length > 125 : header.length > 0xFFFF && header.length >> 63 == 0;
  }
  if (header.masked) std::copy_n(input.begin() + static_cast<std::ptrdiff_t>(2 + length_bytes), 4, header.mask.begin());
  return header;
}

std::uint16_t judge_frame_start(std::byte first_byte, std::byte second_byte, Role reader) noexcept {
  const auto first = static_cast<std::uint8_t>(first_byte);
  const auto second = static_cast<std::uint8_t>(second_byte);
  const unsigned opcode = first & 0x0FU;
  if ((first & 0x70U) != 0) return close_code::kProtocolError;
  if ((opcode > 2 && opcode < 8) || opcode > 10) return close_code::kProtocolError;
  if ((opcode & 8U) != 0 && ((first & 0x80U) == 0 || (second & 0x7FU) > kMaxControlPayload)) {
    return close_code::kProtocolError;
  }
  const bool masked = (second & 0x80U) != 0;
  return masked == (reader == Role::kServer) ? close_code::kNone : close_code::kProtocolError;
}

}  // namespace hubgate::websocket
