#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/websocket/frame_header.h"

namespace hubgate::websocket {

/// Watches one direction of a WebSocket that passes by, for statistics, close codes and frame edges. Touches nothing
/// and holds nothing up: every byte is seen when it passes. Bytes that are no frames end the watching, not the stream.
class FrameFollower {
 public:
  /// `sender` is who writes what passes: frames of a client are masked.
  explicit FrameFollower(Role sender) : sender_(sender) {}

  void follow(Bytes passing);

  /// Whole frames that have passed, control frames included.
  std::uint64_t frames() const { return frames_; }
  /// The code of the Close frame that has passed: kNoStatus when it had none, kNone (0) while there was none.
  std::uint16_t close_code() const { return close_code_; }
  /// No frame is open: the stream may be cut here without leaving half a frame. (A message may be open.)
  bool is_at_edge() const { return !lost_ && have_ == 0 && remaining_ == 0; }
  /// Bytes were seen that are no frames; nothing is counted any more.
  bool is_lost() const { return lost_; }

 private:
  void start_payload(const FrameHeader& header);
  void end_frame();

  std::uint64_t frames_ = 0;
  std::uint64_t remaining_ = 0;                      // bytes of the open frame's payload still to pass
  std::array<std::byte, kMaxFrameHeader> header_{};  // what has passed of the open frame's header
  Mask mask_{};
  std::uint16_t close_code_ = 0;
  std::uint8_t have_ = 0;         // bytes in header_
  std::uint8_t close_bytes_ = 0;  // of the code that have passed
  Role sender_;
  bool in_close_ = false;
  bool lost_ = false;
};

}  // namespace hubgate::websocket
