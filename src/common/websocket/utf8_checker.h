#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"

namespace hubgate::websocket {

/// Whether all of `bytes` is valid UTF-8.
bool is_utf8(Bytes bytes) noexcept;

/// Checks a text that comes in pieces, cut anywhere, also inside a character.
class Utf8Checker {
 public:
  /// False as soon as no continuation can make the text valid; after that, restart() before anything else.
  bool feed(Bytes piece) noexcept;
  /// The text may end here: no character is open.
  bool is_complete() const noexcept { return carried_ == 0; }
  void restart() noexcept { carried_ = 0; }

 private:
  std::array<std::byte, 4> carry_{};  // the beginning of a character that the last piece cut
  std::uint8_t carried_ = 0;
};

}  // namespace hubgate::websocket
