#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "common/base/message_pack.h"
#include "common/control/hello.h"

// How the fields of a message become MessagePack and back; for the two *_messages.cc only. Each message names its
// fields once, by an overload of fields() that ties them in order, const or not.

namespace hubgate::control::wire {

/// Matches T and const T, so that one fields() serves both directions.
template <class T, class Message>
concept Is = std::is_same_v<std::remove_const_t<T>, Message>;

/// A string of arbitrary bytes, packed as binary.
template <class T>
struct Octets {
  T& bytes;
};
template <class T>
Octets(T&) -> Octets<T>;

template <class T>
concept Unsigned = std::is_unsigned_v<T> && !std::is_same_v<T, bool>;
template <class T>
concept Signed = std::is_signed_v<T> && std::is_integral_v<T>;
template <class T>
concept HasFields = requires(T& value) { fields(value); };

inline void pack(message_pack::Packer& out, bool value) { out.write_bool(value); }
template <Unsigned T>
void pack(message_pack::Packer& out, T value) {
  out.write_unsigned(value);
}
template <Signed T>
void pack(message_pack::Packer& out, T value) {
  out.write_integer(value);
}
template <class T>
  requires std::is_enum_v<T>
void pack(message_pack::Packer& out, T value) {
  out.write_unsigned(static_cast<std::uint64_t>(value));
}
inline void pack(message_pack::Packer& out, double value) { out.write_float64(value); }
inline void pack(message_pack::Packer& out, const std::string& text) { out.write_string(text); }
template <class T>
void pack(message_pack::Packer& out, Octets<T> octets) {
  out.write_binary(octets.bytes);
}
inline void pack(message_pack::Packer& out, std::chrono::milliseconds time) { out.write_integer(time.count()); }
inline void pack(message_pack::Packer& out, const std::map<std::string, double>& map) {
  out.write_map(map.size());
  for (const auto& [name, value] : map) {
    out.write_string(name);
    out.write_float64(value);
  }
}
template <class T>
void pack(message_pack::Packer& out, const std::vector<T>& list);
template <HasFields T>
void pack(message_pack::Packer& out, const T& value) {
  std::apply(
      [&](const auto&... field) {
        out.write_array(sizeof...(field));
        (pack(out, field), ...);
      },
      fields(value));
}
template <class T>
void pack(message_pack::Packer& out, const std::vector<T>& list) {
  out.write_array(list.size());
  for (const T& element : list) pack(out, element);
}

inline bool unpack(message_pack::Reader& in, bool& value) {
  const auto read = in.read_bool();
  if (read) value = *read;
  return read.has_value();
}
template <Unsigned T>
bool unpack(message_pack::Reader& in, T& value) {
  const auto read = in.read_uint64();
  if (!read || *read > std::numeric_limits<T>::max()) return false;
  value = static_cast<T>(*read);
  return true;
}
template <Signed T>
bool unpack(message_pack::Reader& in, T& value) {
  const auto read = in.read_int64();
  if (!read || *read < std::numeric_limits<T>::min() || *read > std::numeric_limits<T>::max()) return false;
  value = static_cast<T>(*read);
  return true;
}
/// An enum has contiguous values from 0 and says its last with `last_of(T)`.
template <class T>
  requires std::is_enum_v<T>
bool unpack(message_pack::Reader& in, T& value) {
  const auto read = in.read_uint64();
  if (!read || *read > static_cast<std::uint64_t>(last_of(T{}))) return false;
  value = static_cast<T>(*read);
  return true;
}
inline bool unpack(message_pack::Reader& in, double& value) {
  const auto read = in.read_float64();
  if (read) value = *read;
  return read.has_value();
}
inline bool unpack(message_pack::Reader& in, std::string& text) {
  const auto read = in.read_string();
  if (read) text = *read;
  return read.has_value();
}
template <class T>
bool unpack(message_pack::Reader& in, Octets<T> octets) {
  const auto read = in.read_binary();
  if (read) octets.bytes = as_text(*read);
  return read.has_value();
}
inline bool unpack(message_pack::Reader& in, std::chrono::milliseconds& time) {
  const auto read = in.read_int64();
  if (!read || *read < 0) return false;
  time = std::chrono::milliseconds(*read);
  return true;
}
inline bool unpack(message_pack::Reader& in, std::map<std::string, double>& map) {
  const auto count = in.read_map();
  if (!count) return false;
  for (std::size_t i = 0; i < *count; ++i) {
    std::string name;
    double value = 0;
    if (!unpack(in, name) || !unpack(in, value)) return false;
    map[std::move(name)] = value;
  }
  return true;
}
template <class T>
bool unpack(message_pack::Reader& in, std::vector<T>& list);
template <HasFields T>
bool unpack(message_pack::Reader& in, T& value);

/// The elements of an array whose head has been read: ours, then `count` - ours of a newer peer, which are passed over.
template <class Tuple>
bool unpack_elements(message_pack::Reader& in, std::size_t count, Tuple tied) {
  constexpr std::size_t kOurs = std::tuple_size_v<Tuple>;
  if (count < kOurs) return false;
  const bool all = std::apply([&](auto&&... field) { return (unpack(in, field) && ...); }, tied);
  for (std::size_t more = kOurs; all && more < count; ++more) {
    if (!in.skip()) return false;
  }
  return all;
}
template <HasFields T>
bool unpack(message_pack::Reader& in, T& value) {
  const auto count = in.read_array();
  return count && unpack_elements(in, *count, fields(value));
}
template <class T>
bool unpack(message_pack::Reader& in, std::vector<T>& list) {
  const auto count = in.read_array();
  if (!count) return false;
  list.reserve(std::min<std::size_t>(*count, 256));  // the rest grows as it comes
  for (std::size_t i = 0; i < *count; ++i) {
    if (!unpack(in, list.emplace_back())) return false;
  }
  return true;
}

template <class Message>
std::string encode(const Message& message) {
  std::string bytes;
  message_pack::Packer out(bytes);
  std::apply(
      [&](const auto&... field) {
        out.write_array(1 + sizeof...(field));
        pack(out, type_of(message));
        (pack(out, field), ...);
      },
      fields(message));
  return bytes;
}

/// Decodes into the alternative of `Variant` whose type_of() stands in front.
template <class Variant, std::size_t kIndex = 0>
Result<Variant> decode_as(message_pack::Reader& in, std::size_t elements, std::uint64_t type) {
  if constexpr (kIndex == std::variant_size_v<Variant>) {
    return make_error(ErrorCode::kInvalid, "link message of unknown type " + std::to_string(type));
  } else {
    std::variant_alternative_t<kIndex, Variant> message;
    if (type != static_cast<std::uint64_t>(type_of(message))) return decode_as<Variant, kIndex + 1>(in, elements, type);
    if (!unpack_elements(in, elements - 1, fields(message))) {
      return make_error(ErrorCode::kInvalid, "malformed link message of type " + std::to_string(type));
    }
    if (!in.at_end())
      return make_error(ErrorCode::kInvalid, "bytes behind a link message of type " + std::to_string(type));
    return Variant(std::move(message));
  }
}
template <class Variant>
Result<Variant> decode(Bytes bytes) {
  message_pack::Reader in(bytes);
  const auto elements = in.read_array();
  if (!elements || *elements == 0) return make_error(ErrorCode::kInvalid, "link message that is no array");
  const auto type = in.read_uint64();
  if (!type) return make_error(ErrorCode::kInvalid, "link message without a type");
  return decode_as<Variant>(in, *elements, *type);
}

}  // namespace hubgate::control::wire

namespace hubgate::control {

// Hello goes over every link.
inline constexpr Type type_of(const Hello&) { return Type::kHello; }
template <wire::Is<Hello> T>
auto fields(T& m) {
  return std::tie(m.version, m.features, m.epoch);
}

}  // namespace hubgate::control
