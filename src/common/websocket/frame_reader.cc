#include "common/websocket/frame_reader.h"

#include <algorithm>

#include "common/websocket/close_code.h"

namespace hubgate::websocket {

FrameStep FrameReader::fail(std::uint16_t code) {
  failed_ = code;
  FrameStep step;
  step.event = FrameEvent::kError;
  step.close_code = code;
  return step;
}

FrameStep FrameReader::read(MutableBytes input) {
  if (failed_ != 0) return fail(failed_);
  if (remaining_ > 0) {
    if (input.empty()) return {};
    return read_payload(input, 0);
  }
  if (input.size() < 2) return {};
  // Judged before the header is whole, so that a peer cannot make us wait for the rest of nonsense.
  if (const std::uint16_t code = judge_frame_start(input[0], input[1], role_); code != close_code::kNone) {
    return fail(code);
  }
  const auto opcode = static_cast<Opcode>(static_cast<std::uint8_t>(input[0]) & 0x0FU);
  const bool continues = opcode == Opcode::kContinuation;
  if (!is_control(opcode) && continues != in_message_) return fail(close_code::kProtocolError);
  const std::optional<FrameHeader> header = read_frame_header(input);
  if (!header) return {};
  if (!header->minimal) return fail(close_code::kProtocolError);

  if (is_control(opcode)) {
    const std::size_t whole = header->size + static_cast<std::size_t>(header->length);
    if (input.size() < whole) return {};
    ++frames_;
    FrameStep step;
    step.event = FrameEvent::kControl;
    step.taken = whole;
    step.payload = input.subspan(header->size, whole - header->size);
    step.opcode = opcode;
    step.frame_ended = true;
    if (header->masked) apply_mask(step.payload, header->mask);
    return step;
  }

  ++frames_;
  in_message_ = true;
  if (!continues) opcode_ = opcode;
  fin_ = header->fin;
  remaining_ = header->length;
  mask_ = header->mask;
  mask_offset_ = 0;
  return read_payload(input, header->size);
}

FrameStep FrameReader::read_payload(MutableBytes input, std::size_t header_size) {
  const MutableBytes rest = input.subspan(header_size);
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), remaining_));
  FrameStep step;
  step.taken = header_size + count;
  // A header alone says nothing yet, unless the frame is empty.
  step.event = count == 0 && remaining_ > 0 ? FrameEvent::kNeedMore : FrameEvent::kData;
  step.payload = rest.first(count);
  step.opcode = opcode_;
  if (role_ == Role::kServer) apply_mask(step.payload, mask_, mask_offset_);
  mask_offset_ = static_cast<std::uint8_t>((mask_offset_ + count) % 4);
  remaining_ -= count;
  step.frame_ended = remaining_ == 0;
  step.message_ended = step.frame_ended && fin_;
  if (step.message_ended) in_message_ = false;
  return step;
}

}  // namespace hubgate::websocket
