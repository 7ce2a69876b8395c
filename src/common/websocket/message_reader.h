#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/websocket/frame_reader.h"
#include "common/websocket/utf8_checker.h"

namespace hubgate::websocket {

enum class MessageEvent : std::uint8_t {
  kNeedMore,  // as FrameEvent::kNeedMore
  kMessage,   // a whole text or binary message
  kPing,
  kPong,
  kClose,  // `close_code` is the peer's, kNoStatus when it gave none; `payload` is its reason. The last event.
  kError,  // answer with `close_code` and end
};

/// One step of a MessageReader.
struct MessageStep {
  MessageEvent event = MessageEvent::kNeedMore;
  std::size_t taken = 0;          // bytes of the input that are done with
  MutableBytes payload;           // lives until the next read(), and no longer than the input
  Opcode opcode = Opcode::kText;  // for kMessage
  std::uint16_t close_code = 0;   // for kClose and kError
};

/// Puts frames together to whole messages: a view into the input when the message lies in it whole, a copy otherwise.
/// Does no I/O. Errors: 1002 what FrameReader refuses, a Close of one byte or with a code that must not be sent; 1007
/// text or a Close reason that is no UTF-8; 1009 a message above `max_message` bytes, as soon as that is known.
class MessageReader {
 public:
  MessageReader(Role role, std::size_t max_message) : frames_(role), max_message_(max_message) {}

  MessageStep read(MutableBytes input);

 private:
  MessageStep fail(std::uint16_t code);
  MessageStep control(const FrameStep& frame, std::size_t taken);
  bool is_valid_text(const FrameStep& frame);

  FrameReader frames_;
  Utf8Checker text_;
  std::size_t max_message_;
  std::vector<std::byte> message_;  // what has come of a message that is not whole yet
  std::uint16_t failed_ = 0;
  bool handed_out_ = false;  // message_ was shown by the last step
};

/// What a Close frame's payload says. `code` is kNoStatus for an empty one, kProtocolError or kInvalidData with
/// `valid` false for one that breaks the rules.
struct ClosePayload {
  bool valid = true;
  std::uint16_t code = 0;
  MutableBytes reason;
};
ClosePayload read_close_payload(MutableBytes payload) noexcept;

}  // namespace hubgate::websocket
