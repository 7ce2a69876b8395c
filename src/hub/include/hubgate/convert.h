#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <hubgate/result.h>
#include <hubgate/value.h>

/// C++ types ⇄ Value, by the rules of .NET's serializers. Known are: bool, integers (exact range, never from a text or
/// a fraction), float, double, std::string, bytes (vectors of std::byte or std::uint8_t), std::optional and smart
/// pointers (null), std::vector, maps with text or integer keys, Timestamp, Value itself, and enums and structs that
/// describe themselves:
///
///   struct Line { std::string from; int number = 0; };
///   void describe(hubgate::Fields<Line>& fields) { fields.add("From", &Line::from).add("Number", &Line::number); }
///
///   enum class Color { kRed, kGreen = 5 };
///   void describe(hubgate::EnumNames<Color>& names) { names.add("Red", Color::kRed).add("Green", Color::kGreen); }
///
/// `describe` is found by its argument, so it stands in the type's namespace. Names are the .NET ones: in MessagePack
/// as they are, in JSON camelCase (unless the server's json_names is as_is) and read without regard to case. An enum is
/// a number in JSON and its name in MessagePack. Further types: specialise Converter.
namespace hubgate {

/// Which protocol a Value came from: the rules differ where the protocols do.
enum class ValueFormat : std::uint8_t { kJson, kMessagePack };

/// How T crosses: `static Value to_value(const T&)` and `static bool from_value(Value&&, ValueFormat, T&)`; false when
/// the value does not fit, then T's content is unspecified.
template <class T>
struct Converter;

/// Any known type, also string literals and views.
template <class T>
Value to_value(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return Value(std::string_view(value));
  } else {
    return Converter<T>::to_value(value);
  }
}
inline Value to_value(Value value) { return value; }

/// Error kInvalid when the value does not fit T.
template <class T>
Result<T> from_value(Value&& value, ValueFormat format = ValueFormat::kJson) {
  T result{};
  if (Converter<T>::from_value(std::move(value), format, result)) return result;
  return make_error(ErrorCode::kInvalid, "the value does not fit its type");
}

namespace detail {

/// As .NET's Convert: padding required. Nothing when it is no base64.
std::optional<std::vector<std::byte>> bytes_of_base64(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
std::optional<std::int64_t> integer_of_text(std::string_view text) noexcept;

template <class T>
bool integer_from(const Value& value, T& result) noexcept {
  if constexpr (std::is_signed_v<T>) {
    const auto number = value.to_int64();
    if (!number || !std::in_range<T>(*number)) return false;
    result = static_cast<T>(*number);
  } else {
    const auto number = value.to_uint64();
    if (!number || !std::in_range<T>(*number)) return false;
    result = static_cast<T>(*number);
  }
  return true;
}

}  // namespace detail

template <>
struct Converter<Value> {
  static Value to_value(const Value& value) { return value; }
  static bool from_value(Value&& value, ValueFormat, Value& result) {
    result = std::move(value);
    return true;
  }
};

template <>
struct Converter<bool> {
  static Value to_value(bool value) { return Value(value); }
  static bool from_value(Value&& value, ValueFormat, bool& result) {
    const bool* found = value.get_if<bool>();
    if (found != nullptr) result = *found;
    return found != nullptr;
  }
};

template <class T>
concept PlainInteger = std::is_integral_v<T> && std::is_constructible_v<Value, T> && !std::is_same_v<T, bool>;

template <PlainInteger T>
struct Converter<T> {
  static Value to_value(T value) { return Value(value); }
  static bool from_value(Value&& value, ValueFormat, T& result) { return detail::integer_from(value, result); }
};

template <std::floating_point T>
struct Converter<T> {
  static Value to_value(T value) { return Value(value); }
  static bool from_value(Value&& value, ValueFormat, T& result) {
    const auto number = value.to_double();
    if (number) result = static_cast<T>(*number);
    return number.has_value();
  }
};

template <>
struct Converter<std::string> {
  static Value to_value(std::string value) { return Value(std::move(value)); }
  static bool from_value(Value&& value, ValueFormat, std::string& result) {
    auto* text = value.get_if<std::string>();
    if (text != nullptr) result = std::move(*text);
    return text != nullptr;
  }
};

template <>
struct Converter<Timestamp> {
  static Value to_value(Timestamp value) { return Value(value); }
  static bool from_value(Value&& value, ValueFormat format, Timestamp& result) {
    if (const auto* found = value.get_if<Timestamp>()) {
      result = *found;
      return true;
    }
    const auto* text = format == ValueFormat::kJson ? value.get_if<std::string>() : nullptr;
    const auto parsed = text == nullptr ? std::nullopt : parse_timestamp(*text);
    if (parsed) result = *parsed;
    return parsed.has_value();
  }
};

template <class T>
struct Converter<std::optional<T>> {
  static Value to_value(const std::optional<T>& value) { return value ? Converter<T>::to_value(*value) : Value(); }
  static bool from_value(Value&& value, ValueFormat format, std::optional<T>& result) {
    if (value.is_null()) {
      result.reset();
      return true;
    }
    return Converter<T>::from_value(std::move(value), format, result.emplace());
  }
};

namespace detail {

template <class Pointer, class T>
struct PointerConverter {
  static Value to_value(const Pointer& value) { return value ? Converter<T>::to_value(*value) : Value(); }
  static bool from_value(Value&& value, ValueFormat format, Pointer& result) {
    result = nullptr;
    if (value.is_null()) return true;
    auto made = std::make_unique<T>();
    if (!Converter<T>::from_value(std::move(value), format, *made)) return false;
    result = std::move(made);
    return true;
  }
};

/// Bytes are bin in MessagePack (an array of small numbers is taken, too) and base64 text in JSON.
template <class Byte>
struct BytesConverter {
  static Value to_value(const std::vector<Byte>& value) {
    Value::Bytes bytes(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) bytes[i] = static_cast<std::byte>(value[i]);
    return Value(std::move(bytes));
  }
  static bool from_value(Value&& value, ValueFormat format, std::vector<Byte>& result) {
    if (const auto* bytes = value.get_if<Value::Bytes>()) return assign(*bytes, result);
    if (format == ValueFormat::kJson) {
      const auto* text = value.get_if<std::string>();
      const auto bytes = text == nullptr ? std::nullopt : bytes_of_base64(*text);
      return bytes && assign(*bytes, result);
    }
    const auto* numbers = value.get_if<Value::Array>();
    if (numbers == nullptr) return false;
    result.clear();
    for (const Value& element : *numbers) {
      std::uint8_t number = 0;
      if (!integer_from(element, number)) return false;
      result.push_back(static_cast<Byte>(number));
    }
    return true;
  }

 private:
  static bool assign(const Value::Bytes& bytes, std::vector<Byte>& result) {
    result.resize(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) result[i] = static_cast<Byte>(bytes[i]);
    return true;
  }
};

template <class Map, class Key, class T>
struct MapConverter {
  static_assert(std::is_same_v<Key, std::string> || PlainInteger<Key>, "keys of maps are texts or integers");

  static Value to_value(const Map& map) {
    ValueMap result;
    result.entries.reserve(map.size());
    for (const auto& [key, element] : map) result.entries.push_back({Value(key), Converter<T>::to_value(element)});
    return Value(std::move(result));
  }
  static bool from_value(Value&& value, ValueFormat format, Map& result) {
    auto* map = value.get_if<ValueMap>();
    if (map == nullptr) return false;
    result.clear();
    for (ValueEntry& entry : map->entries) {
      Key key{};
      if (!key_from(std::move(entry.key), format, key)) return false;
      if (!Converter<T>::from_value(std::move(entry.value), format, result[key])) return false;
    }
    return true;
  }

 private:
  static bool key_from(Value&& value, ValueFormat format, Key& key) {
    if constexpr (PlainInteger<Key>) {
      if (format == ValueFormat::kJson) {  // a JSON key is always a text
        const auto* text = value.get_if<std::string>();
        const auto number = text == nullptr ? std::nullopt : integer_of_text(*text);
        return number && integer_from(Value(*number), key);
      }
    }
    return Converter<Key>::from_value(std::move(value), format, key);
  }
};

}  // namespace detail

template <class T>
struct Converter<std::unique_ptr<T>> : detail::PointerConverter<std::unique_ptr<T>, T> {};
template <class T>
struct Converter<std::shared_ptr<T>> : detail::PointerConverter<std::shared_ptr<T>, T> {};
template <>
struct Converter<std::vector<std::byte>> : detail::BytesConverter<std::byte> {};
template <>
struct Converter<std::vector<std::uint8_t>> : detail::BytesConverter<std::uint8_t> {};
template <class Key, class T>
struct Converter<std::map<Key, T>> : detail::MapConverter<std::map<Key, T>, Key, T> {};
template <class Key, class T>
struct Converter<std::unordered_map<Key, T>> : detail::MapConverter<std::unordered_map<Key, T>, Key, T> {};

template <class T>
struct Converter<std::vector<T>> {
  static Value to_value(const std::vector<T>& elements) {
    Value::Array result;
    result.reserve(elements.size());
    for (const T& element : elements) result.push_back(Converter<T>::to_value(element));
    return Value(std::move(result));
  }
  static bool from_value(Value&& value, ValueFormat format, std::vector<T>& result) {
    auto* array = value.get_if<Value::Array>();
    if (array == nullptr) return false;
    result.clear();
    result.reserve(array->size());
    for (Value& element : *array) {
      T converted{};
      if (!Converter<T>::from_value(std::move(element), format, converted)) return false;
      result.push_back(std::move(converted));
    }
    return true;
  }
};

/// The fields of a struct, by their .NET names, in the order in which they are written. See the top of this file.
template <class T>
class Fields {
 public:
  template <class M>
  Fields& add(std::string_view name, M T::* member) {
    fields_.push_back({std::string(name), [member](const T& object) { return Converter<M>::to_value(object.*member); },
                       [member](Value&& value, ValueFormat format, T& object) {
                         return Converter<M>::from_value(std::move(value), format, object.*member);
                       }});
    return *this;
  }

  Value write(const T& object) const {
    ValueMap map;
    map.is_object = true;
    map.entries.reserve(fields_.size());
    for (const Field& field : fields_) map.entries.push_back({Value(field.name), field.write(object)});
    return Value(std::move(map));
  }

  /// Unknown keys are passed over, missing ones leave the field as it is.
  bool read(Value&& value, ValueFormat format, T& object) const {
    auto* map = value.get_if<ValueMap>();
    if (map == nullptr) return false;
    for (ValueEntry& entry : map->entries) {
      const auto* key = entry.key.get_if<std::string>();
      if (key == nullptr) continue;
      for (const Field& field : fields_) {
        const bool same =
            format == ValueFormat::kJson ? detail::equals_ignoring_case(field.name, *key) : field.name == *key;
        if (!same) continue;
        if (!field.read(std::move(entry.value), format, object)) return false;
        break;
      }
    }
    return true;
  }

 private:
  struct Field {
    std::string name;
    std::function<Value(const T&)> write;
    std::function<bool(Value&&, ValueFormat, T&)> read;
  };
  std::vector<Field> fields_;
};

/// The names of an enum's values. A number without a name is written as its text in MessagePack.
template <class E>
class EnumNames {
 public:
  EnumNames& add(std::string_view name, E value) {
    names_.emplace_back(std::string(name), value);
    return *this;
  }

  Value write(E value) const {
    const auto number = static_cast<std::int64_t>(value);
    std::string name = std::to_string(number);
    for (const auto& [known, named] : names_) {
      if (named == value) name = known;
    }
    return Value(TwoForms{{Value(number), Value(std::move(name))}});
  }

  /// JSON: the number, named or not; MessagePack: exactly a name, or a number's text.
  bool read(const Value& value, ValueFormat format, E& result) const {
    std::underlying_type_t<E> number{};
    if (format == ValueFormat::kJson) {
      if (!detail::integer_from(value, number)) return false;
      result = static_cast<E>(number);
      return true;
    }
    const auto* name = value.get_if<std::string>();
    if (name == nullptr) return false;
    for (const auto& [known, named] : names_) {
      if (known == *name) {
        result = named;
        return true;
      }
    }
    const auto parsed = detail::integer_of_text(*name);
    if (!parsed || !detail::integer_from(Value(*parsed), number)) return false;
    result = static_cast<E>(number);
    return true;
  }

 private:
  std::vector<std::pair<std::string, E>> names_;
};

template <class T>
concept DescribedStruct = std::is_class_v<T> && requires(Fields<T>& fields) { describe(fields); };
template <class T>
concept DescribedEnum = std::is_enum_v<T> && requires(EnumNames<T>& names) { describe(names); };

template <DescribedStruct T>
struct Converter<T> {
  static Value to_value(const T& value) { return fields().write(value); }
  static bool from_value(Value&& value, ValueFormat format, T& result) {
    return fields().read(std::move(value), format, result);
  }

 private:
  static const Fields<T>& fields() {
    static const Fields<T> known = [] {
      Fields<T> made;
      describe(made);
      return made;
    }();
    return known;
  }
};

template <DescribedEnum T>
struct Converter<T> {
  static Value to_value(T value) { return names().write(value); }
  static bool from_value(Value&& value, ValueFormat format, T& result) { return names().read(value, format, result); }

 private:
  static const EnumNames<T>& names() {
    static const EnumNames<T> known = [] {
      EnumNames<T> made;
      describe(made);
      return made;
    }();
    return known;
  }
};

}  // namespace hubgate
