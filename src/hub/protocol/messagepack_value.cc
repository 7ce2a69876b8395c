#include "hub/protocol/messagepack_value.h"

#include <bit>
#include <cmath>

#include "hub/protocol/utf8.h"

namespace hubgate::hub {

namespace {

using message_pack::Packer;
using message_pack::Reader;
using message_pack::Type;

bool read_at(Reader& reader, Value& value, int depth) {
  switch (reader.peek()) {
    case Type::kNil:
      reader.read_nil();
      value = Value();
      return true;
    case Type::kBool: {
      const auto read = reader.read_bool();
      if (read) value = Value(*read);
      return read.has_value();
    }
    case Type::kInteger: {
      if (const auto number = reader.read_int64()) {
        value = Value(*number);
        return true;
      }
      const auto number = reader.read_uint64();
      if (number) value = Value(*number);
      return number.has_value();
    }
    case Type::kFloat32: {
      const auto number = reader.read_float32();
      if (number) value = Value(*number);
      return number.has_value();
    }
    case Type::kFloat64: {
      const auto number = reader.read_float64();
      if (number) value = Value(*number);
      return number.has_value();
    }
    case Type::kString: {
      const auto text = reader.read_string();
      if (text) value = Value(replace_invalid_utf8(*text));
      return text.has_value();
    }
    case Type::kBinary: {
      const auto bytes = reader.read_binary();
      if (bytes) value = Value(Value::Bytes(bytes->begin(), bytes->end()));
      return bytes.has_value();
    }
    case Type::kExtension: {
      const auto instant = reader.read_timestamp();
      if (instant) value = Value(Timestamp{instant->seconds, instant->nanoseconds});
      return instant.has_value();
    }
    case Type::kArray: {
      const auto count = reader.read_array();
      if (!count || depth == message_pack::kMaxDepth) return false;
      // Grown as elements really come: a count may claim one element a byte, and a Value is much larger than that.
      Value::Array elements;
      for (std::size_t i = 0; i < *count; ++i) {
        if (!read_at(reader, elements.emplace_back(), depth + 1)) return false;
      }
      value = Value(std::move(elements));
      return true;
    }
    case Type::kMap: {
      const auto count = reader.read_map();
      if (!count || depth == message_pack::kMaxDepth) return false;
      ValueMap map;
      for (std::size_t i = 0; i < *count; ++i) {
        ValueEntry& entry = map.entries.emplace_back();
        if (!read_at(reader, entry.key, depth + 1) || !read_at(reader, entry.value, depth + 1)) return false;
      }
      value = Value(std::move(map));
      return true;
    }
    case Type::kInvalid:
    case Type::kEnd: break;
  }
  return false;
}

// .NET's NaN has its sign bit set.
constexpr std::uint64_t kDoubleNaN = 0xfff8000000000000U;
constexpr std::uint32_t kFloatNaN = 0xffc00000U;

// A program's own text may be anything; readers take UTF-8 only.
void write_text(const std::string& text, Packer& packer) {
  if (is_valid_utf8(text)) {
    packer.write_string(text);
  } else {
    packer.write_string(replace_invalid_utf8(text));
  }
}

bool write_at(const Value& value, Unwritable unwritable, Packer& packer, int depth) {
  switch (value.kind()) {
    case Value::Kind::kNull: packer.write_nil(); return true;
    case Value::Kind::kBool: packer.write_bool(*value.get_if<bool>()); return true;
    case Value::Kind::kInt64: packer.write_integer(*value.get_if<std::int64_t>()); return true;
    case Value::Kind::kUInt64: packer.write_unsigned(*value.get_if<std::uint64_t>()); return true;
    case Value::Kind::kFloat: {
      const float number = *value.get_if<float>();
      packer.write_float32(std::isnan(number) ? std::bit_cast<float>(kFloatNaN) : number);
      return true;
    }
    case Value::Kind::kNumberText:
    case Value::Kind::kDouble: {
      const double number = value.to_double().value_or(0);
      packer.write_float64(std::isnan(number) ? std::bit_cast<double>(kDoubleNaN) : number);
      return true;
    }
    case Value::Kind::kString: write_text(*value.get_if<std::string>(), packer); return true;
    case Value::Kind::kBytes: packer.write_binary(Bytes(*value.get_if<Value::Bytes>())); return true;
    case Value::Kind::kTimestamp: {
      const auto* timestamp = value.get_if<Timestamp>();
      packer.write_timestamp({timestamp->seconds, timestamp->nanoseconds});
      return true;
    }
    case Value::Kind::kExtension: {
      const auto* extension = value.get_if<Extension>();
      packer.write_extension(extension->type, extension->data);
      return true;
    }
    case Value::Kind::kTwoForms: return write_at(value.get_if<TwoForms>()->forms.back(), unwritable, packer, depth);
    case Value::Kind::kArray:
    case Value::Kind::kMap: break;
  }
  if (depth == message_pack::kMaxDepth) {
    if (unwritable == Unwritable::kFail) return false;
    packer.write_nil();
    return true;
  }
  if (const auto* array = value.get_if<Value::Array>()) {
    packer.write_array(array->size());
    for (const Value& element : *array) {
      if (!write_at(element, unwritable, packer, depth + 1)) return false;
    }
    return true;
  }
  const auto* map = value.get_if<ValueMap>();
  packer.write_map(map->entries.size());
  for (const ValueEntry& entry : map->entries) {
    if (!write_at(entry.key, unwritable, packer, depth + 1)) return false;
    if (!write_at(entry.value, unwritable, packer, depth + 1)) return false;
  }
  return true;
}

}  // namespace

bool read_messagepack_value(Reader& reader, Value& value) { return read_at(reader, value, 0); }

bool write_messagepack_value(const Value& value, Unwritable unwritable, Packer& packer) {
  return write_at(value, unwritable, packer, 0);
}

}  // namespace hubgate::hub
