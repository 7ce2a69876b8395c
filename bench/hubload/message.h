#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hubload {

/// The text that every message carries: sender (4 hex digits), sequence number (8), filler that depends on the number,
/// so that a lost, doubled, reordered or changed message is seen.
struct Mark {
  static constexpr std::size_t kDigits = 12;

  static void hex(char* at, std::uint32_t value, int digits) {
    for (int i = digits - 1; i >= 0; --i, value >>= 4) at[i] = "0123456789abcdef"[value & 15];
  }
  static void write(char* at, std::size_t size, std::uint32_t sender, std::uint32_t number) {
    hex(at, sender, 4);
    hex(at + 4, number, 8);
    std::memset(at + kDigits, filler(number), size - kDigits);
  }
  static char filler(std::uint32_t number) { return static_cast<char>('a' + number % 26); }
  static std::uint32_t read(std::string_view digits) {
    std::uint32_t value = 0;
    for (const char c : digits) value = value << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    return value;
  }
  /// True when the text has this many bytes and is unchanged; gives sender and number.
  static bool check(std::string_view text, std::size_t size, std::uint32_t& sender, std::uint32_t& number) {
    if (text.size() != size || size < kDigits) return false;
    sender = read(text.substr(0, 4));
    number = read(text.substr(4, 8));
    const char expected = filler(number);
    for (const char c : text.substr(kDigits)) {
      if (c != expected) return false;
    }
    return true;
  }
};

/// A frame made once and changed in place for each message: an optional invocation id and the mark's place in it.
class MarkedFrame {
 public:
  /// `before` and `after` enclose the mark; `size` is that of the whole hub message with its 0x1E.
  MarkedFrame(std::string_view before, std::string_view after, std::size_t size);
  /// Where eight digits of an invocation id stand, as an offset into `before`.
  void set_id_offset(std::size_t offset_in_before) { id_ = header_ + offset_in_before; }
  std::string_view with(std::uint32_t sender, std::uint32_t number) {
    Mark::write(frame_.data() + mark_, mark_size_, sender, number);
    if (id_ != 0) Mark::hex(frame_.data() + id_, number, 8);
    return frame_;
  }
  std::size_t mark_size() const { return mark_size_; }
  std::string_view mark() const { return std::string_view(frame_).substr(mark_, mark_size_); }

 private:
  std::string frame_;
  std::size_t header_;
  std::size_t mark_;
  std::size_t mark_size_;
  std::size_t id_ = 0;
};

}  // namespace hubload
