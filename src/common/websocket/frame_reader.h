#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/websocket/frame_header.h"

namespace hubgate::websocket {

enum class FrameEvent : std::uint8_t {
  kNeedMore,  // nothing else in the input; what was not taken is to be shown again with more behind it
  kData,      // a piece of a message: of one frame, as much as has come
  kControl,   // a whole Close, Ping or Pong
  kError,     // the peer broke the protocol: answer with `close_code` and end, the stream cannot be resumed
};

/// One step of a FrameReader.
struct FrameStep {
  FrameEvent event = FrameEvent::kNeedMore;
  std::size_t taken = 0;                  // bytes of the input that are done with, the payload included
  MutableBytes payload;                   // unmasked, in the input; may be empty
  Opcode opcode = Opcode::kContinuation;  // kData: of the whole message, text or binary
  bool frame_ended = false;
  bool message_ended = false;
  std::uint16_t close_code = 0;  // for kError
};

/// Cuts a byte stream into frames and unmasks them in place. Does no I/O and keeps no bytes: payload is handed on as it
/// comes, headers and control frames only when they are whole. Strict about RSV, opcodes, control frames, masks,
/// shortest lengths and fragmentation (RFC 6455, 5); does not judge text or the content of a Close.
/// The same bytes give the same payload however the stream is cut.
class FrameReader {
 public:
  explicit FrameReader(Role role) : role_(role) {}

  FrameStep read(MutableBytes input);

  /// Neither a frame nor a message is open.
  bool is_at_edge() const { return remaining_ == 0 && !in_message_; }
  /// Frames whose header has been read, control frames included.
  std::uint64_t frames() const { return frames_; }

 private:
  FrameStep fail(std::uint16_t code);
  FrameStep read_payload(MutableBytes input, std::size_t header_size);

  std::uint64_t remaining_ = 0;  // bytes of the open data frame still to come
  std::uint64_t frames_ = 0;
  Mask mask_{};
  std::uint8_t mask_offset_ = 0;  // 0..3
  Role role_;
  Opcode opcode_ = Opcode::kText;  // of the open message
  std::uint16_t failed_ = 0;
  bool fin_ = false;         // the open frame is its message's last
  bool in_message_ = false;  // a message is open, between its frames too
};

}  // namespace hubgate::websocket
