#include "common/base/message_pack.h"

#include <bit>
#include <cassert>
#include <limits>

namespace hubgate::message_pack {

namespace {

constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

void Packer::big_endian(std::uint64_t value, int bytes) {
  char buffer[8];
  for (int i = 0; i < bytes; ++i) buffer[i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  out_.append(buffer, static_cast<std::size_t>(bytes));
}

void Packer::write_unsigned(std::uint64_t value) {
  if (value <= 0x7f) return byte(static_cast<unsigned>(value));
  const int width = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
  byte(0xccU + static_cast<unsigned>(std::countr_zero(static_cast<unsigned>(width))));
  big_endian(value, width);
}

void Packer::write_integer(std::int64_t value) {
  if (value >= 0) return write_unsigned(static_cast<std::uint64_t>(value));
  if (value >= -32) return byte(static_cast<unsigned>(value) & 0xff);
  const int width = value >= std::numeric_limits<std::int8_t>::min()    ? 1
                    : value >= std::numeric_limits<std::int16_t>::min() ? 2
                    : value >= std::numeric_limits<std::int32_t>::min() ? 4
                                                                        : 8;
  byte(0xd0U + static_cast<unsigned>(std::countr_zero(static_cast<unsigned>(width))));
  big_endian(static_cast<std::uint64_t>(value), width);
}

void Packer::write_float32(float value) {
  byte(0xca);
  big_endian(std::bit_cast<std::uint32_t>(value), 4);
}

void Packer::write_float64(double value) {
  byte(0xcb);
  big_endian(std::bit_cast<std::uint64_t>(value), 8);
}

void Packer::write_string(std::string_view text) {
  const std::size_t size = text.size();
  assert(size <= UINT32_MAX);
  if (size < 32) {
    byte(0xa0U | static_cast<unsigned>(size));
  } else if (size <= 0xff) {
    byte(0xd9);
    big_endian(size, 1);
  } else if (size <= 0xffff) {
    byte(0xda);
    big_endian(size, 2);
  } else {
    byte(0xdb);
    big_endian(size, 4);
  }
  out_.append(text);
}

void Packer::write_binary(Bytes bytes) {
  const std::size_t size = bytes.size();
  assert(size <= UINT32_MAX);
  if (size <= 0xff) {
    byte(0xc4);
    big_endian(size, 1);
  } else if (size <= 0xffff) {
    byte(0xc5);
    big_endian(size, 2);
  } else {
    byte(0xc6);
    big_endian(size, 4);
  }
  out_.append(as_text(bytes));
}

void Packer::write_array(std::size_t count) {
  assert(count <= UINT32_MAX);
  if (count < 16) return byte(0x90U | static_cast<unsigned>(count));
  byte(count <= 0xffff ? 0xdc : 0xdd);
  big_endian(count, count <= 0xffff ? 2 : 4);
}

void Packer::write_map(std::size_t count) {
  assert(count <= UINT32_MAX);
  if (count < 16) return byte(0x80U | static_cast<unsigned>(count));
  byte(count <= 0xffff ? 0xde : 0xdf);
  big_endian(count, count <= 0xffff ? 2 : 4);
}

void Packer::write_extension(std::int8_t type, Bytes data) {
  const std::size_t size = data.size();
  assert(size <= UINT32_MAX);
  if (size != 0 && size <= 16 && std::has_single_bit(size)) {
    byte(0xd4U + static_cast<unsigned>(std::countr_zero(size)));
  } else if (size <= 0xff) {
    byte(0xc7);
    big_endian(size, 1);
  } else if (size <= 0xffff) {
    byte(0xc8);
    big_endian(size, 2);
  } else {
    byte(0xc9);
    big_endian(size, 4);
  }
  byte(static_cast<std::uint8_t>(type));
  out_.append(as_text(data));
}

void Packer::write_timestamp(Instant instant) {
  const auto seconds = static_cast<std::uint64_t>(instant.seconds);
  if (seconds >> 34 == 0) {
    if (instant.nanoseconds == 0 && seconds <= UINT32_MAX) {
      byte(0xd6);
      byte(0xff);
      big_endian(seconds, 4);
    } else {
      byte(0xd7);
      byte(0xff);
      big_endian(std::uint64_t{instant.nanoseconds} << 34 | seconds, 8);
    }
    return;
  }
  byte(0xc7);
  byte(12);
  byte(0xff);
  big_endian(instant.nanoseconds, 4);
  big_endian(seconds, 8);
}

struct Reader::Integer {
  std::uint64_t bits;  // two's complement
  bool negative;
};

struct Reader::Span {
  std::size_t begin;
  std::size_t size;
};

Type Reader::peek() const noexcept {
  if (at_end()) return Type::kEnd;
  const std::uint8_t code = peek_byte();
  if (code <= 0x7f || code >= 0xe0) return Type::kInteger;
  if (code <= 0x8f) return Type::kMap;
  if (code <= 0x9f) return Type::kArray;
  if (code <= 0xbf) return Type::kString;
  static constexpr Type kTypes[32] = {
      Type::kNil,       Type::kInvalid,   Type::kBool,      Type::kBool,       // c0
      Type::kBinary,    Type::kBinary,    Type::kBinary,    Type::kExtension,  // c4
      Type::kExtension, Type::kExtension, Type::kFloat32,   Type::kFloat64,    // c8
      Type::kInteger,   Type::kInteger,   Type::kInteger,   Type::kInteger,    // cc
      Type::kInteger,   Type::kInteger,   Type::kInteger,   Type::kInteger,    // d0
      Type::kExtension, Type::kExtension, Type::kExtension, Type::kExtension,  // d4
      Type::kExtension, Type::kString,    Type::kString,    Type::kString,     // d8
      Type::kArray,     Type::kArray,     Type::kMap,       Type::kMap,        // dc
  };
  return kTypes[code - 0xc0];
}

std::optional<std::uint64_t> Reader::big_endian(std::size_t at, int bytes) const noexcept {
  if (input_.size() - at < static_cast<std::size_t>(bytes)) return std::nullopt;
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<std::uint8_t>(input_[at + static_cast<unsigned>(i)]);
  return value;
}

bool Reader::read_nil() noexcept {
  if (peek() != Type::kNil) return false;
  ++position_;
  return true;
}

std::optional<bool> Reader::read_bool() noexcept {
  if (peek() != Type::kBool) return std::nullopt;
  return (static_cast<std::uint8_t>(input_[position_++]) & 1) != 0;
}

std::optional<Reader::Integer> Reader::integer() noexcept {
  if (peek() != Type::kInteger) return std::nullopt;
  const std::uint8_t code = peek_byte();
  if (code <= 0x7f) {
    ++position_;
    return Integer{code, false};
  }
  if (code >= 0xe0) {
    ++position_;
    return Integer{static_cast<std::uint64_t>(static_cast<std::int8_t>(code)), true};
  }
  const bool is_signed = code >= 0xd0;
  const int width = 1 << (code & 3);
  const auto value = big_endian(position_ + 1, width);
  if (!value) return std::nullopt;
  position_ += 1 + static_cast<std::size_t>(width);
  if (!is_signed) return Integer{*value, false};
  const int unused = 64 - 8 * width;
  const auto extended = static_cast<std::int64_t>(*value << unused) >> unused;
  return Integer{static_cast<std::uint64_t>(extended), extended < 0};
}

std::optional<std::int64_t> Reader::read_int64() noexcept {
  const std::size_t start = position_;
  if (const auto found = integer()) {
    if (found->negative || found->bits <= static_cast<std::uint64_t>(INT64_MAX)) {
      return static_cast<std::int64_t>(found->bits);
    }
  }
  position_ = start;
  return std::nullopt;
}

std::optional<std::uint64_t> Reader::read_uint64() noexcept {
  const std::size_t start = position_;
  if (const auto found = integer(); found && !found->negative) return found->bits;
  position_ = start;
  return std::nullopt;
}

std::optional<std::int32_t> Reader::read_int32() noexcept {
  const std::size_t start = position_;
  if (const auto value = read_int64(); value && *value >= INT32_MIN && *value <= INT32_MAX) {
    return static_cast<std::int32_t>(*value);
  }
  position_ = start;
  return std::nullopt;
}

std::optional<std::uint32_t> Reader::read_uint32() noexcept {
  const std::size_t start = position_;
  if (const auto value = read_uint64(); value && *value <= UINT32_MAX) return static_cast<std::uint32_t>(*value);
  position_ = start;
  return std::nullopt;
}

std::optional<float> Reader::read_float32() noexcept {
  if (peek() != Type::kFloat32) return std::nullopt;
  const auto bits = big_endian(position_ + 1, 4);
  if (!bits) return std::nullopt;
  position_ += 5;
  return std::bit_cast<float>(static_cast<std::uint32_t>(*bits));
}

std::optional<double> Reader::read_float64() noexcept {
  if (peek() != Type::kFloat64) return std::nullopt;
  const auto bits = big_endian(position_ + 1, 8);
  if (!bits) return std::nullopt;
  position_ += 9;
  return std::bit_cast<double>(*bits);
}

// The body of a str or bin: `codes` codes from `first_code` on, whose length fields are 1, 2, 4 bytes wide.
std::optional<Reader::Span> Reader::body(std::uint8_t first_code) noexcept {
  const int width = 1 << (peek_byte() - first_code);
  const auto size = big_endian(position_ + 1, width);
  if (!size) return std::nullopt;
  const std::size_t begin = position_ + 1 + static_cast<std::size_t>(width);
  if (*size > input_.size() - begin) return std::nullopt;
  return Span{begin, static_cast<std::size_t>(*size)};
}

std::optional<std::string_view> Reader::read_string() noexcept {
  if (peek() != Type::kString) return std::nullopt;
  const std::uint8_t code = peek_byte();
  std::optional<Span> span;
  if (code <= 0xbf) {
    span = Span{position_ + 1, code & 0x1fU};
    if (span->size > input_.size() - span->begin) return std::nullopt;
  } else {
    span = body(0xd9);
    if (!span) return std::nullopt;
  }
  position_ = span->begin + span->size;
  return as_text(input_.subspan(span->begin, span->size));
}

std::optional<Bytes> Reader::read_binary() noexcept {
  if (peek() != Type::kBinary) return std::nullopt;
  const auto span = body(0xc4);
  if (!span) return std::nullopt;
  position_ = span->begin + span->size;
  return input_.subspan(span->begin, span->size);
}

// An array's or map's count; every element takes at least `bytes_each` of what is left.
std::optional<std::size_t> Reader::count(std::uint8_t first_fixed, std::uint8_t first_code,
                                         std::size_t bytes_each) noexcept {
  const std::uint8_t code = peek_byte();
  std::uint64_t count = code & 0x0fU;
  std::size_t next = position_ + 1;
  if (code < first_fixed || code > first_fixed + 0x0f) {
    const int width = code == first_code ? 2 : 4;
    const auto wide = big_endian(next, width);
    if (!wide) return std::nullopt;
    count = *wide;
    next += static_cast<std::size_t>(width);
  }
  if (count > (input_.size() - next) / bytes_each) return std::nullopt;
  position_ = next;
  return static_cast<std::size_t>(count);
}

std::optional<std::size_t> Reader::read_array() noexcept {
  if (peek() != Type::kArray) return std::nullopt;
  return count(0x90, 0xdc, 1);
}

std::optional<std::size_t> Reader::read_map() noexcept {
  if (peek() != Type::kMap) return std::nullopt;
  return count(0x80, 0xde, 2);
}

std::optional<ExtensionView> Reader::read_extension() noexcept {
  if (peek() != Type::kExtension) return std::nullopt;
  const std::uint8_t code = peek_byte();
  std::size_t size = 0;
  std::size_t type_at = position_ + 1;
  if (code >= 0xd4) {
    size = std::size_t{1} << (code - 0xd4);
  } else {
    const int width = 1 << (code - 0xc7);
    const auto wide = big_endian(type_at, width);
    if (!wide) return std::nullopt;
    size = static_cast<std::size_t>(*wide);
    type_at += static_cast<std::size_t>(width);
  }
  if (input_.size() == type_at || size > input_.size() - type_at - 1) return std::nullopt;
  position_ = type_at + 1 + size;
  return ExtensionView{static_cast<std::int8_t>(input_[type_at]), input_.subspan(type_at + 1, size)};
}

std::optional<Instant> Reader::read_timestamp() noexcept {
  const std::size_t start = position_;
  if (const auto extension = read_extension()) {
    if (const auto instant = to_instant(*extension)) return instant;
  }
  position_ = start;
  return std::nullopt;
}

bool Reader::skip() noexcept {
  const std::size_t start = position_;
  // Every value still due takes a byte at least, so a hostile count ends the walk at once.
  std::size_t due = 1;
  while (due != 0 && due <= input_.size() - position_) {
    --due;
    std::optional<std::size_t> children;
    switch (peek()) {
      case Type::kNil:
      case Type::kBool: ++position_; continue;
      case Type::kInteger:
        if (integer()) continue;
        break;
      case Type::kFloat32:
        if (read_float32()) continue;
        break;
      case Type::kFloat64:
        if (read_float64()) continue;
        break;
      case Type::kString:
        if (read_string()) continue;
        break;
      case Type::kBinary:
        if (read_binary()) continue;
        break;
      case Type::kExtension:
        if (read_extension()) continue;
        break;
      case Type::kArray:
        children = read_array();
        if (!children) break;
        due += *children;
        continue;
      case Type::kMap:
        children = read_map();
        if (!children) break;
        due += 2 * *children;
        continue;
      case Type::kInvalid:
      case Type::kEnd: break;
    }
    position_ = start;
    return false;
  }
  if (due == 0) return true;
  position_ = start;
  return false;
}

std::optional<Bytes> Reader::read_raw() noexcept {
  const std::size_t start = position_;
  if (!skip()) return std::nullopt;
  return input_.subspan(start, position_ - start);
}

std::optional<Instant> to_instant(const ExtensionView& extension) noexcept {
  if (extension.type != -1) return std::nullopt;
  const auto number = [&](std::size_t from, std::size_t size) {
    std::uint64_t value = 0;
    for (const std::byte b : extension.data.subspan(from, size)) value = value << 8 | static_cast<std::uint8_t>(b);
    return value;
  };
  Instant instant;
  switch (extension.data.size()) {
    case 4: instant.seconds = static_cast<std::int64_t>(number(0, 4)); break;
    case 8:
      instant.seconds = static_cast<std::int64_t>(number(0, 8) & 0x3ffffffffU);
      instant.nanoseconds = static_cast<std::uint32_t>(number(0, 8) >> 34);
      break;
    case 12:
      instant.nanoseconds = static_cast<std::uint32_t>(number(0, 4));
      instant.seconds = static_cast<std::int64_t>(number(4, 8));
      break;
    default: return std::nullopt;
  }
  if (instant.nanoseconds >= kNanosecondsPerSecond) return std::nullopt;
  return instant;
}

}  // namespace hubgate::message_pack
