#pragma once

#include <cstddef>
#include <string>

namespace hubgate::hub {

/// An empty string to put one message together in, the same memory every time on one thread; what comes out is copied
/// into a Payload of exactly its size. Not to be held across another call.
inline std::string& encode_buffer() {
  constexpr std::size_t kKept = 256 * 1024;  // bytes; a single large message does not keep its memory for ever
  thread_local std::string buffer;
  if (buffer.capacity() > kKept) {
    buffer = std::string();
  } else {
    buffer.clear();
  }
  return buffer;
}

}  // namespace hubgate::hub
