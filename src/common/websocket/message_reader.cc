#include "common/websocket/message_reader.h"

#include "common/websocket/close_code.h"

namespace hubgate::websocket {

ClosePayload read_close_payload(MutableBytes payload) noexcept {
  if (payload.empty()) return {true, close_code::kNoStatus, {}};
  if (payload.size() == 1) return {false, close_code::kProtocolError, {}};
  const auto code =
      static_cast<std::uint16_t>(static_cast<unsigned>(payload[0]) << 8 | static_cast<unsigned>(payload[1]));
  if (!may_be_sent(code)) return {false, close_code::kProtocolError, {}};
  const MutableBytes reason = payload.subspan(2);
  if (!is_utf8(reason)) return {false, close_code::kInvalidData, {}};
  return {true, code, reason};
}

MessageStep MessageReader::fail(std::uint16_t code) {
  failed_ = code;
  MessageStep step;
  step.event = MessageEvent::kError;
  step.close_code = code;
  return step;
}

MessageStep MessageReader::read(MutableBytes input) {
  if (failed_ != 0) return fail(failed_);
  if (handed_out_) {
    message_ = {};  // its memory too: an idle reader owns none
    handed_out_ = false;
  }
  std::size_t taken = 0;
  for (;;) {
    const FrameStep frame = frames_.read(input.subspan(taken));
    taken += frame.taken;
    switch (frame.event) {
      case FrameEvent::kNeedMore: {
        MessageStep step;
        step.taken = taken;
        return step;
      }
      case FrameEvent::kError: return fail(frame.close_code);
      case FrameEvent::kControl: return control(frame, taken);
      case FrameEvent::kData: break;
    }
    if (frame.payload.size() > max_message_ - message_.size()) return fail(close_code::kTooBig);
    if (frame.opcode == Opcode::kText && !is_valid_text(frame)) return fail(close_code::kInvalidData);
    if (frame.message_ended && message_.empty()) {
      MessageStep step{MessageEvent::kMessage, taken, frame.payload, frame.opcode, 0};
      return step;
    }
    message_.insert(message_.end(), frame.payload.begin(), frame.payload.end());
    if (frame.message_ended) {
      handed_out_ = true;
      return {MessageEvent::kMessage, taken, message_, frame.opcode, 0};
    }
  }
}

bool MessageReader::is_valid_text(const FrameStep& frame) {
  if (!text_.feed(frame.payload)) return false;
  return !frame.message_ended || text_.is_complete();
}

MessageStep MessageReader::control(const FrameStep& frame, std::size_t taken) {
  MessageStep step;
  step.taken = taken;
  step.payload = frame.payload;
  if (frame.opcode == Opcode::kClose) {
    const ClosePayload close = read_close_payload(frame.payload);
    if (!close.valid) return fail(close.code);
    step.event = MessageEvent::kClose;
    step.close_code = close.code;
    step.payload = close.reason;
    return step;
  }
  step.event = frame.opcode == Opcode::kPing ? MessageEvent::kPing : MessageEvent::kPong;
  return step;
}

}  // namespace hubgate::websocket
