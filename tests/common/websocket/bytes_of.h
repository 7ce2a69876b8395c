#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/websocket/frame_writer.h"

namespace hubgate::websocket::test {

using Stream = std::vector<std::byte>;

inline Stream bytes_of(std::initializer_list<int> values) {
  Stream bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

inline void append(Stream& stream, Bytes bytes) { stream.insert(stream.end(), bytes.begin(), bytes.end()); }

inline constexpr Mask kMask{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}};

/// A frame as `writer` would send it.
inline Stream frame(Role writer, Opcode opcode, std::string_view payload, bool fin = true) {
  Stream stream;
  append(stream, (writer == Role::kClient ? make_masked_frame(opcode, as_bytes(payload), kMask, fin)
                                          : make_frame(opcode, as_bytes(payload), fin))
                     .bytes());
  return stream;
}

inline Stream joined(std::initializer_list<Stream> parts) {
  Stream all;
  for (const Stream& part : parts) append(all, part);
  return all;
}

/// Shows `stream` to `read(MutableBytes) -> taken`, with more behind it each time: first `first` bytes, then `chunk`
/// more at a time. Stops when `read` says so by returning npos.
template <class Read>
void feed(Stream stream, std::size_t first, std::size_t chunk, Read read) {
  Stream shown;
  std::size_t given = 0;
  std::size_t next = first;
  while (given < stream.size() || next == 0) {
    next = std::min(next, stream.size() - given);
    shown.insert(shown.end(), stream.begin() + static_cast<std::ptrdiff_t>(given),
                 stream.begin() + static_cast<std::ptrdiff_t>(given + next));
    given += next;
    next = chunk;
    Stream copy = shown;  // exactly as long as what may be read, so that a sanitizer sees one byte too many
    const std::size_t taken = read(MutableBytes(copy));
    if (taken == std::string::npos) return;
    shown.assign(copy.begin() + static_cast<std::ptrdiff_t>(taken), copy.end());
  }
}

}  // namespace hubgate::websocket::test
