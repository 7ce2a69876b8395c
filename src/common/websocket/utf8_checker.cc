#include "common/websocket/utf8_checker.h"

#include <simdjson.h>

#include <algorithm>

namespace hubgate::websocket {
namespace {

/// Bytes of the character that begins with `lead`; 1 for what cannot begin one, which validation then refuses.
std::size_t character_size(std::byte lead) noexcept {
  const auto value = static_cast<std::uint8_t>(lead);
  if (value >= 0xF0) return 4;
  if (value >= 0xE0) return 3;
  if (value >= 0xC0) return 2;
  return 1;
}

bool is_continuation(std::byte byte) noexcept { return (static_cast<std::uint8_t>(byte) & 0xC0U) == 0x80; }

/// How many bytes at the end belong to a character that is not whole.
std::size_t open_bytes(Bytes bytes) noexcept {
  const std::size_t most = std::min<std::size_t>(3, bytes.size());
  for (std::size_t back = 1; back <= most; ++back) {
    const std::byte byte = bytes[bytes.size() - back];
    if (is_continuation(byte)) continue;
    return character_size(byte) > back ? back : 0;
  }
  return 0;
}

/// Whether the beginning of a character can still become a valid one: its second byte rules out overlong forms,
/// surrogates and what lies above U+10FFFF, so it is tried with the least and the greatest continuations.
bool can_become_valid(Bytes open) noexcept {
  if (open.empty()) return true;
  std::array<std::byte, 4> trial{};
  const std::size_t size = character_size(open[0]);
  for (const std::uint8_t filler : {std::uint8_t{0x80}, std::uint8_t{0xBF}}) {
    std::fill(trial.begin(), trial.end(), std::byte{filler});
    std::copy(open.begin(), open.end(), trial.begin());
    if (is_utf8({trial.data(), size})) return true;
  }
  return false;
}

}  // namespace

bool is_utf8(Bytes bytes) noexcept {
  return bytes.empty() || simdjson::validate_utf8(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

bool Utf8Checker::feed(Bytes piece) noexcept {
  if (carried_ > 0) {
    const std::size_t size = character_size(carry_[0]);
    while (carried_ < size && !piece.empty()) {
      carry_[carried_++] = piece.front();
      piece = piece.subspan(1);
    }
    const Bytes character{carry_.data(), carried_};
    if (carried_ < size) return can_become_valid(character);
    if (!is_utf8(character)) return false;
    carried_ = 0;
  }
  const std::size_t open = open_bytes(piece);
  if (!is_utf8(piece.first(piece.size() - open))) return false;
  std::copy_n(piece.end() - static_cast<std::ptrdiff_t>(open), open, carry_.begin());
  carried_ = static_cast<std::uint8_t>(open);
  return can_become_valid({carry_.data(), carried_});
}

}  // namespace hubgate::websocket
