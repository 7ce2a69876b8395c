#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"

// What the fuzz targets share. Each target feeds one reader with the same bytes twice: whole, and cut in pieces of the
// size that the first byte says. A reader that tells two stories of one stream is broken.

namespace hubgate::fuzz {

/// A copy of exactly the size, so that the sanitizer sees a reader that looks further.
inline std::vector<std::byte> exact(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

struct Input {
  Input(const std::uint8_t* data, std::size_t size)
      : step(size == 0 ? 1 : 1 + data[0] % 37U),
        text(reinterpret_cast<const char*>(data) + (size == 0 ? 0 : 1), size == 0 ? 0 : size - 1) {}
  std::size_t step;
  std::string text;
};

/// Both stories must be the same; `tell(text, step)` feeds the text in pieces of `step` bytes.
template <class Tell>
int same_story(const std::uint8_t* data, std::size_t size, Tell tell) {
  const Input input(data, size);
  const std::string whole = tell(input.text, std::max<std::size_t>(input.text.size(), 1));
  if (tell(input.text, input.step) != whole) std::abort();
  return 0;
}

}  // namespace hubgate::fuzz
