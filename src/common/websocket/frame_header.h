#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/websocket/mask.h"

namespace hubgate::websocket {

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};
constexpr bool is_control(Opcode opcode) noexcept { return (static_cast<unsigned>(opcode) & 8U) != 0; }

/// Which end of the connection we are: a server reads masked frames and writes unmasked ones, a client the reverse.
enum class Role : std::uint8_t { kServer, kClient };

inline constexpr std::size_t kMaxFrameHeader = 14;      // bytes
inline constexpr std::size_t kMaxControlPayload = 125;  // bytes

/// The fields of one frame's header as they stand on the wire; not judged, but for what cannot be read at all.
struct FrameHeader {
  bool fin = false;
  std::uint8_t reserved = 0;  // the three RSV bits, in place (0x70)
  std::uint8_t opcode = 0;    // may be one that does not exist
  bool masked = false;
  Mask mask{};
  std::uint64_t length = 0;  // bytes of payload
  std::size_t size = 0;      // bytes of this header
  bool minimal = true;       // the length was written in the shortest form, and fits 63 bits

  bool is_control() const noexcept { return (opcode & 8U) != 0; }
};

/// The header at the front of `input`; nothing while it is not whole.
std::optional<FrameHeader> read_frame_header(Bytes input) noexcept;

/// Whether the first two bytes alone break the rules of RFC 6455, 5.2, for whoever reads in that role: a reserved bit,
/// an unknown opcode, a control frame that is long or fragmented, a wrong mask bit. A close code, or kNone.
std::uint16_t judge_frame_start(std::byte first, std::byte second, Role reader) noexcept;

}  // namespace hubgate::websocket
