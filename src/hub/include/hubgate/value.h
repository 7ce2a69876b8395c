#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace hubgate {

/// A point in time: seconds since 1970 (negative before), nanoseconds below 1e9 added to them. In JSON a text in
/// ISO 8601 with `Z`, in MessagePack the timestamp extension.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// ISO 8601 in UTC as .NET writes it: up to seven digits of fraction, none of them a trailing zero, then `Z`.
/// Years beyond 1 to 9999 give an empty text: no such text exists.
std::string to_text(Timestamp timestamp);
/// Reads the same, with `Z`, an offset (applied) or neither (taken as UTC). Nothing when it is no such text.
std::optional<Timestamp> parse_timestamp(std::string_view text);

/// A MessagePack extension that is no timestamp. JSON cannot carry it.
struct Extension {
  std::int8_t type = 0;
  std::vector<std::byte> data;

  friend bool operator==(const Extension&, const Extension&) = default;
};

/// A JSON number by its text, where neither int64 nor uint64 has it: `1.50`, `1e999`. The text is kept so that an echo
/// keeps it; in MessagePack it becomes a double.
struct NumberText {
  std::string text;

  friend bool operator==(const NumberText&, const NumberText&) = default;
};

class Value;
struct ValueEntry;

/// Pairs in their order, keys of any kind, as MessagePack has them. `is_object` says that the keys are names of fields,
/// which JSON writes in camelCase unless the server's `json_names` is as_is; the keys of a dictionary are never
/// changed.
struct ValueMap {
  std::vector<ValueEntry> entries;
  bool is_object = false;

  /// The last value whose key is this text; nullptr when there is none.
  const Value* find(std::string_view key) const;
};

/// A value whose two protocols write it differently: an enumerator is a number in JSON and a name in MessagePack, a
/// duration a text or ticks. `forms` holds the JSON one, then the MessagePack one.
struct TwoForms {
  std::vector<Value> forms;
};

/// Any argument, item or result, independent of the protocol that carries it. A value like others: it copies, compares,
/// and may be used on any thread.
class Value {
 public:
  enum class Kind : std::uint8_t {
    kNull,
    kBool,
    kInt64,
    kUInt64,
    kFloat,
    kDouble,
    kString,  // UTF-8
    kBytes,
    kArray,
    kMap,
    kTimestamp,
    kExtension,
    kNumberText,
    kTwoForms,
  };
  using Bytes = std::vector<std::byte>;
  using Array = std::vector<Value>;
  using Map = ValueMap;

  Value() noexcept;
  Value(std::nullptr_t) noexcept;
  template <class T>
    requires std::is_same_v<T, bool>
  Value(T value) noexcept : data_(std::in_place_type<bool>, value) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
             !std::is_same_v<T, char8_t> && !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> &&
             !std::is_same_v<T, wchar_t>)
  Value(T value) noexcept : Value(static_cast<std::uint64_t>(value), std::is_unsigned_v<T>) {}
  Value(float value) noexcept;
  Value(double value) noexcept;
  Value(std::string value) noexcept;
  Value(std::string_view value);
  Value(const char* value);
  Value(Bytes value) noexcept;
  Value(Array value) noexcept;
  Value(Map value) noexcept;
  Value(Timestamp value) noexcept;
  Value(Extension value) noexcept;
  Value(NumberText value) noexcept;
  Value(TwoForms value) noexcept;

  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  /// An array, in braces: `Value::array({1, "two", nullptr})`.
  static Value array(std::initializer_list<Value> elements);
  /// A dictionary: its keys are written as they are.
  static Value map(std::initializer_list<ValueEntry> entries);
  /// An object: its keys are names of fields (see ValueMap).
  static Value object(std::initializer_list<ValueEntry> entries);

  Kind kind() const noexcept { return static_cast<Kind>(data_.index()); }
  bool is_null() const noexcept { return data_.index() == 0; }

  /// The content when it is exactly of this type, else nullptr. T: bool, std::int64_t, std::uint64_t, float, double,
  /// std::string, Value::Bytes, Value::Array, Value::Map, Timestamp, Extension, NumberText, TwoForms.
  template <class T>
  const T* get_if() const noexcept {
    return std::get_if<T>(&data_);
  }
  template <class T>
  T* get_if() noexcept {
    return std::get_if<T>(&data_);
  }

  /// Any integer that fits.
  std::optional<std::int64_t> to_int64() const noexcept;
  std::optional<std::uint64_t> to_uint64() const noexcept;
  /// Any number: integers and number texts become the nearest double.
  std::optional<double> to_double() const noexcept;

  /// Equal kind and content; 1 and 1.0 differ.
  friend bool operator==(const Value& a, const Value& b);

 private:
  // An integer by its bits.
  Value(std::uint64_t bits, bool is_unsigned) noexcept;

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, float, double, std::string, Bytes, Array, Map,
               Timestamp, Extension, NumberText, TwoForms>
      data_;
};

struct ValueEntry {
  Value key;
  Value value;

  friend bool operator==(const ValueEntry&, const ValueEntry&) = default;
};

// Behind ValueEntry: the variant cannot be made or destroyed before that is complete.
inline Value::Value() noexcept = default;
inline Value::Value(std::nullptr_t) noexcept {}
inline Value::Value(std::uint64_t bits, bool is_unsigned) noexcept {
  // One number, one kind: uint64 only where int64 ends, so that equal numbers are equal values.
  if (is_unsigned && bits > static_cast<std::uint64_t>(INT64_MAX)) {
    data_.emplace<std::uint64_t>(bits);
  } else {
    data_.emplace<std::int64_t>(static_cast<std::int64_t>(bits));
  }
}
inline Value::Value(float value) noexcept : data_(std::in_place_type<float>, value) {}
inline Value::Value(double value) noexcept : data_(std::in_place_type<double>, value) {}
inline Value::Value(std::string value) noexcept : data_(std::in_place_type<std::string>, std::move(value)) {}
inline Value::Value(std::string_view value) : data_(std::in_place_type<std::string>, value) {}
inline Value::Value(const char* value) : data_(std::in_place_type<std::string>, value) {}
inline Value::Value(Bytes value) noexcept : data_(std::in_place_type<Bytes>, std::move(value)) {}
inline Value::Value(Timestamp value) noexcept : data_(std::in_place_type<Timestamp>, value) {}
inline Value::Value(Extension value) noexcept : data_(std::in_place_type<Extension>, std::move(value)) {}
inline Value::Value(NumberText value) noexcept : data_(std::in_place_type<NumberText>, std::move(value)) {}
inline Value::Value(Array value) noexcept : data_(std::in_place_type<Array>, std::move(value)) {}
inline Value::Value(Map value) noexcept : data_(std::in_place_type<Map>, std::move(value)) {}
inline Value::Value(TwoForms value) noexcept : data_(std::in_place_type<TwoForms>, std::move(value)) {}
inline Value::Value(const Value& other) = default;
inline Value::Value(Value&& other) noexcept = default;
inline Value& Value::operator=(const Value& other) = default;
inline Value& Value::operator=(Value&& other) noexcept = default;
inline Value::~Value() = default;

inline Value Value::array(std::initializer_list<Value> elements) { return Value(Array(elements)); }
inline Value Value::map(std::initializer_list<ValueEntry> entries) { return Value(ValueMap{entries, false}); }
inline Value Value::object(std::initializer_list<ValueEntry> entries) { return Value(ValueMap{entries, true}); }

}  // namespace hubgate
