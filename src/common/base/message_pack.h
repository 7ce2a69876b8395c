#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

/// MessagePack for the hub protocol, the backplane and the control messages. Does no I/O and never throws on input.
/// Source: https://github.com/msgpack/msgpack/blob/master/spec.md
namespace hubgate::message_pack {

/// Whoever turns MessagePack into nested values by recursion goes no deeper; ASP.NET Core's limit.
inline constexpr int kMaxDepth = 500;

enum class Type : std::uint8_t {
  kNil,
  kBool,
  kInteger,
  kFloat32,
  kFloat64,
  kString,
  kBinary,
  kArray,
  kMap,
  kExtension,
  kInvalid,  // 0xC1
  kEnd,      // no byte left
};

/// A point in time: seconds since 1970 (negative before), nanoseconds below 1e9 added to them.
struct Instant {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  friend bool operator==(const Instant&, const Instant&) = default;
};

struct ExtensionView {
  std::int8_t type = 0;
  Bytes data;
};

/// Appends to a string of bytes, always in the narrowest form (non-negative integers unsigned), as
/// ASP.NET Core does. The string must outlive the packer.
class Packer {
 public:
  explicit Packer(std::string& out) noexcept : out_(out) {}

  void write_nil() { byte(0xc0); }
  void write_bool(bool value) { byte(value ? 0xc3 : 0xc2); }
  void write_unsigned(std::uint64_t value);
  void write_integer(std::int64_t value);
  void write_float32(float value);
  void write_float64(double value);
  void write_string(std::string_view text);
  void write_binary(Bytes bytes);
  void write_binary(std::string_view bytes) { write_binary(as_bytes(bytes)); }
  /// `count` values must follow.
  void write_array(std::size_t count);
  /// `count` pairs must follow.
  void write_map(std::size_t count);
  void write_extension(std::int8_t type, Bytes data);
  /// Extension -1 in its 4, 8 or 12 byte form.
  void write_timestamp(Instant instant);
  /// One value that is MessagePack already.
  void write_raw(std::string_view encoded) { out_.append(encoded); }

 private:
  void byte(unsigned value) { out_.push_back(static_cast<char>(value)); }
  void big_endian(std::uint64_t value, int bytes);

  std::string& out_;
};

/// Reads values one after the other from bytes that must outlive it and every view it gives. A read
/// that does not find what it asks for gives nothing and stays where it was; then the input is not what
/// was expected, or it is cut short. Accepts every width. A container that claims more
/// elements than bytes are left is refused at once, so counts may be trusted for reserving memory.
class Reader {
 public:
  explicit Reader(Bytes input) noexcept : input_(input) {}
  explicit Reader(std::string_view input) noexcept : input_(as_bytes(input)) {}

  /// What the next value is, by its first byte; the value itself may be cut short.
  Type peek() const noexcept;
  /// The next value's first byte; must not be at the end.
  std::uint8_t peek_byte() const noexcept { return static_cast<std::uint8_t>(input_[position_]); }

  /// True when the next value was nil, which is then taken.
  bool read_nil() noexcept;
  std::optional<bool> read_bool() noexcept;
  std::optional<std::int64_t> read_int64() noexcept;
  std::optional<std::uint64_t> read_uint64() noexcept;
  std::optional<std::int32_t> read_int32() noexcept;
  std::optional<std::uint32_t> read_uint32() noexcept;
  /// Exactly this width, no conversion.
  std::optional<float> read_float32() noexcept;
  std::optional<double> read_float64() noexcept;
  /// As it is: not checked for UTF-8.
  std::optional<std::string_view> read_string() noexcept;
  std::optional<Bytes> read_binary() noexcept;
  /// How many values follow.
  std::optional<std::size_t> read_array() noexcept;
  /// How many pairs follow.
  std::optional<std::size_t> read_map() noexcept;
  std::optional<ExtensionView> read_extension() noexcept;
  /// Extension -1 in any of its three forms, nanoseconds below 1e9.
  std::optional<Instant> read_timestamp() noexcept;

  /// Passes over one value with all it holds, without recursion. False: malformed or cut short.
  bool skip() noexcept;
  /// The bytes of one whole value, which is passed over.
  std::optional<Bytes> read_raw() noexcept;

  bool at_end() const noexcept { return position_ == input_.size(); }
  std::size_t position() const noexcept { return position_; }
  Bytes rest() const noexcept { return input_.subspan(position_); }

 private:
  struct Integer;
  struct Span;

  std::optional<Integer> integer() noexcept;
  std::optional<Span> body(std::uint8_t first_code) noexcept;
  std::optional<std::size_t> count(std::uint8_t first_fixed, std::uint8_t first_code, std::size_t bytes_each) noexcept;
  std::optional<std::uint64_t> big_endian(std::size_t at, int bytes) const noexcept;

  Bytes input_;
  std::size_t position_ = 0;
};

/// What a timestamp extension (type -1) means; nothing when it is none.
std::optional<Instant> to_instant(const ExtensionView& extension) noexcept;

}  // namespace hubgate::message_pack
