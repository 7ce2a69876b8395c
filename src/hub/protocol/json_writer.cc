#include "hub/protocol/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "common/base/base64.h"
#include "hub/protocol/json_escapes.h"
#include "hub/protocol/utf8.h"

namespace hubgate::hub::json {

namespace {

constexpr int kMaxWriteDepth = 64;
constexpr char kHexDigits[] = "0123456789ABCDEF";

// Of ASCII: 0 as it is, 'u' for \uXXXX, else the letter behind the backslash. Bytes from 0x80 on are 'x'.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (unsigned c = 0; c < 0x20; ++c) escapes[c] = 'u';
  for (unsigned c = 0x80; c < 0x100; ++c) escapes[c] = 'x';
  escapes[0x7f] = 'u';
  escapes['\b'] = 'b';
  escapes['\t'] = 't';
  escapes['\n'] = 'n';
  escapes['\f'] = 'f';
  escapes['\r'] = 'r';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}();

void append_unit(char32_t unit, std::string& out) {
  const char text[6] = {'\\',
                        'u',
                        kHexDigits[unit >> 12 & 15],
                        kHexDigits[unit >> 8 & 15],
                        kHexDigits[unit >> 4 & 15],
                        kHexDigits[unit & 15]};
  out.append(text, sizeof text);
}

void append_escaped(char32_t code_point, std::string& out) {
  if (code_point <= 0xffff) return append_unit(code_point, out);
  append_unit(0xd800 + ((code_point - 0x10000) >> 10), out);
  append_unit(0xdc00 + ((code_point - 0x10000) & 0x3ff), out);
}

// .NET's shortest form: digits and exponent from std::to_chars, laid out its way. `plain_end`: from this power of ten
// on with an exponent.
template <class T>
void write_floating(T value, int plain_end, std::string& out) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  if (text.front() == '-') {
    out.push_back('-');
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t sign = text[e + 1] == '+' ? 1 : 0;
  std::from_chars(text.data() + e + 1 + sign, text.data() + text.size(), exponent);
  std::string digits(1, text.front());
  if (e > 2) digits.append(text.substr(2, e - 2));
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= plain_end) {
    out.push_back(digits.front());
    if (count > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "E-" : "E+");
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) out.push_back('0');
    write_integer(magnitude, out);
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else if (count <= exponent + 1) {
    out.append(digits).append(static_cast<std::size_t>(exponent + 1 - count), '0');
  } else {
    const auto whole = static_cast<std::size_t>(exponent + 1);
    out.append(digits, 0, whole).append(".").append(digits, whole);
  }
}

class ValueWriter {
 public:
  ValueWriter(const WriteOptions& options, std::string& out) : options_(options), out_(out) {}

  bool write(const Value& value, int depth) {
    switch (value.kind()) {
      case Value::Kind::kNull: out_ += "null"; return true;
      case Value::Kind::kBool: out_ += *value.get_if<bool>() ? "true" : "false"; return true;
      case Value::Kind::kInt64: write_integer(*value.get_if<std::int64_t>(), out_); return true;
      case Value::Kind::kUInt64: write_unsigned(*value.get_if<std::uint64_t>(), out_); return true;
      case Value::Kind::kFloat: return write_finite(*value.get_if<float>());
      case Value::Kind::kDouble: return write_finite(*value.get_if<double>());
      case Value::Kind::kString: write_string(*value.get_if<std::string>(), out_); return true;
      case Value::Kind::kBytes:
        out_.append("\"").append(base64_encode(*value.get_if<Value::Bytes>())).append("\"");
        return true;
      case Value::Kind::kArray: return write_array(*value.get_if<Value::Array>(), depth + 1);
      case Value::Kind::kMap: return write_map(*value.get_if<ValueMap>(), depth + 1);
      case Value::Kind::kTimestamp: return write_timestamp(*value.get_if<Timestamp>());
      case Value::Kind::kExtension: return write_unwritable();
      case Value::Kind::kNumberText: out_ += value.get_if<NumberText>()->text; return true;
      case Value::Kind::kTwoForms: return write(value.get_if<TwoForms>()->forms.front(), depth);
    }
    return false;
  }

 private:
  template <class T>
  bool write_finite(T number) {
    if (!std::isfinite(number)) return write_unwritable();
    write_number(number, out_);
    return true;
  }

  bool write_unwritable() {
    if (options_.unwritable == Unwritable::kFail) return false;
    out_ += "null";
    return true;
  }

  bool write_timestamp(Timestamp timestamp) {
    const std::string text = to_text(timestamp);
    if (text.empty()) return write_unwritable();
    write_string(text, out_);
    return true;
  }

  bool write_array(const Value::Array& array, int depth) {
    if (depth > kMaxWriteDepth) return write_unwritable();
    out_ += '[';
    bool first = true;
    for (const Value& element : array) {
      if (!first) out_ += ',';
      first = false;
      if (!write(element, depth)) return false;
    }
    out_ += ']';
    return true;
  }

  bool write_map(const ValueMap& map, int depth) {
    if (depth > kMaxWriteDepth) return write_unwritable();
    out_ += '{';
    bool first = true;
    for (const ValueEntry& entry : map.entries) {
      if (!first) out_ += ',';
      first = false;
      if (!write_key(entry.key, map.is_object, depth)) return false;
      out_ += ':';
      if (!write(entry.value, depth)) return false;
    }
    out_ += '}';
    return true;
  }

  bool write_key(const Value& key, bool is_field, int depth) {
    if (const auto* name = key.get_if<std::string>()) {
      if (is_field && options_.names == Names::kCamelCase) {
        write_string(camel_case(*name), out_);
      } else {
        write_string(*name, out_);
      }
      return true;
    }
    // MessagePack's keys may be anything: here they become the text of what they are.
    std::string text;
    if (!ValueWriter(options_, text).write(key, depth)) return false;
    if (text.starts_with('"')) {
      out_ += text;
    } else {
      write_string(text, out_);
    }
    return true;
  }

  const WriteOptions& options_;
  std::string& out_;
};

}  // namespace

void write_string(std::string_view text, std::string& out) {
  out.push_back('"');
  std::size_t plain = 0;  // where what was not appended yet begins
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    if (kEscapes[byte] == 0) {
      ++at;
      continue;
    }
    if (byte < 0x80) {
      out.append(text.substr(plain, at - plain));
      if (kEscapes[byte] == 'u') {
        append_unit(byte, out);
      } else {
        out.push_back('\\');
        out.push_back(kEscapes[byte]);
      }
      plain = ++at;
      continue;
    }
    const CodePoint next = decode_utf8(text.substr(at));
    if (next.is_valid && !is_escaped(next.value)) {
      at += next.size;
      continue;
    }
    out.append(text.substr(plain, at - plain));
    append_escaped(next.value, out);
    at += next.size;
    plain = at;
  }
  out.append(text.substr(plain));
  out.push_back('"');
}

void write_integer(std::int64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void write_unsigned(std::uint64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void write_number(double value, std::string& out) { write_floating(value, 17, out); }
void write_number(float value, std::string& out) { write_floating(value, 9, out); }

bool write_value(const Value& value, const WriteOptions& options, std::string& out) {
  return ValueWriter(options, out).write(value, 0);
}

std::string camel_case(std::string_view name) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  std::string result(name);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (i == 1 && !is_upper(result[i])) break;
    const bool has_next = i + 1 < result.size();
    if (i > 0 && has_next && !is_upper(result[i + 1])) {
      if (result[i + 1] == ' ' && is_upper(result[i])) result[i] = static_cast<char>(result[i] + 32);
      break;
    }
    if (is_upper(result[i])) result[i] = static_cast<char>(result[i] + 32);
  }
  return result;
}

}  // namespace hubgate::hub::json
