#include "common/websocket/frame_follower.h"

#include <algorithm>

#include "common/websocket/close_code.h"

namespace hubgate::websocket {

void FrameFollower::follow(Bytes passing) {
  while (!passing.empty() && !lost_) {
    if (remaining_ > 0) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(passing.size(), remaining_));
      for (std::size_t i = 0; in_close_ && i < count && close_bytes_ < 2; ++i, ++close_bytes_) {
        const auto value = static_cast<std::uint8_t>(passing[i] ^ mask_[close_bytes_]);
        close_code_ = static_cast<std::uint16_t>(close_bytes_ == 0 ? value << 8U : close_code_ | value);
      }
      remaining_ -= count;
      passing = passing.subspan(count);
      if (remaining_ == 0) end_frame();
      continue;
    }
    header_[have_++] = passing.front();
    passing = passing.subspan(1);
    if (have_ < 2) continue;
    const Role reader = sender_ == Role::kClient ? Role::kServer : Role::kClient;
    if (judge_frame_start(header_[0], header_[1], reader) != close_code::kNone) {
      lost_ = true;
      return;
    }
    if (const auto header = read_frame_header({header_.data(), have_})) start_payload(*header);
  }
}

void FrameFollower::start_payload(const FrameHeader& header) {
  have_ = 0;
  remaining_ = header.length;
  mask_ = header.mask;  // zeros for a server's frame
  in_close_ = static_cast<Opcode>(header.opcode) == Opcode::kClose;
  close_bytes_ = 0;
  if (remaining_ == 0) end_frame();
}

void FrameFollower::end_frame() {
  ++frames_;
  if (in_close_ && close_bytes_ < 2) close_code_ = close_code::kNoStatus;
  in_close_ = false;
}

}  // namespace hubgate::websocket
