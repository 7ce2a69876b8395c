#include "hub/protocol/json.h"

#include <bit>
#include <charconv>
#include <cstring>

#include "hub/protocol/utf8.h"

namespace hubgate::hub::json {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x8080808080808080U;

// The first quote, backslash or control character from `at` on, or `end`; eight bytes a step.
const char* find_special(const char* at, const char* end) {
  while (end - at >= 8) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, at, 8);
    if constexpr (std::endian::native == std::endian::big) chunk = __builtin_bswap64(chunk);
    const std::uint64_t quote = chunk ^ (kOnes * '"');
    const std::uint64_t backslash = chunk ^ (kOnes * '\\');
    // The lowest bit set is exact: borrows only run upwards.
    const std::uint64_t found =
        (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | ((chunk - kOnes * 0x20) & ~chunk)) & kHighs;
    if (found != 0) return at + (std::countr_zero(found) >> 3);
    at += 8;
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<std::uint8_t>(*at) >= 0x20) ++at;
  return at;
}

}  // namespace

std::string_view to_string(Token token) noexcept {
  switch (token) {
    case Token::kObject: return "Object";
    case Token::kArray: return "Array";
    case Token::kString: return "String";
    case Token::kNumber: return "Number";
    case Token::kTrue: return "True";
    case Token::kFalse: return "False";
    case Token::kNull: return "Null";
    case Token::kEnd:
    case Token::kInvalid: break;
  }
  return "None";
}

std::optional<std::string_view> Scanner::value() noexcept {
  const Token token = peek();
  const char* start = at_;
  const bool sound = token == Token::kObject || token == Token::kArray ? skip_container() : skip_scalar();
  if (!sound) return std::nullopt;
  return std::string_view(start, static_cast<std::size_t>(at_ - start));
}

bool Scanner::string(std::string_view& raw, bool& escaped) noexcept {
  if (peek() != Token::kString) return fail();
  const char* start = at_ + 1;
  if (!skip_string(escaped)) return false;
  raw = std::string_view(start, static_cast<std::size_t>(at_ - 1 - start));
  return true;
}

bool Scanner::enter() noexcept {
  const Token token = peek();
  if ((token != Token::kObject && token != Token::kArray) || depth_ == kMaxDepth) return fail();
  ++at_;
  ++depth_;
  is_object_ = is_object_ << 1 | (token == Token::kObject ? 1U : 0U);
  first_ = true;
  return true;
}

bool Scanner::skip_scalar() noexcept {
  bool escaped = false;
  switch (peek()) {
    case Token::kString: return skip_string(escaped);
    case Token::kNumber: return skip_number();
    case Token::kTrue: return skip_literal("true");
    case Token::kFalse: return skip_literal("false");
    case Token::kNull: return skip_literal("null");
    default: return fail();
  }
}

bool Scanner::skip_string(bool& escaped) noexcept {
  escaped = false;
  ++at_;
  while (true) {
    at_ = find_special(at_, end_);
    if (at_ == end_) return fail();
    if (*at_ == '"') {
      ++at_;
      return true;
    }
    if (*at_ != '\\' || end_ - at_ < 2) return fail();  // a control character, or the end
    escaped = true;
    switch (at_[1]) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't': at_ += 2; break;
      case 'u':
        if (end_ - at_ < 6) return fail();
        for (int i = 2; i < 6; ++i) {
          if (hex_digit(at_[i]) < 0) return fail();
        }
        at_ += 6;
        break;
      default: return fail();
    }
  }
}

bool Scanner::skip_number() noexcept {
  const auto digits = [this] {
    const char* start = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != start;
  };
  if (*at_ == '-') ++at_;
  if (at_ == end_) return fail();
  if (*at_ == '0') {
    ++at_;
  } else if (!digits()) {
    return fail();
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail();
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail();
  }
  return true;
}

bool Scanner::skip_literal(std::string_view literal) noexcept {
  if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(literal)) return fail();
  at_ += literal.size();
  return true;
}

bool Scanner::skip_container() noexcept {
  const int outside = depth_;
  if (!enter()) return false;
  std::string_view raw;
  bool escaped = false;
  while (depth_ != outside) {
    if (!next_element()) {
      if (failed_) return false;
      continue;
    }
    if ((is_object_ & 1) != 0 && !name(raw, escaped)) return false;
    const Token token = peek();
    const bool sound = token == Token::kObject || token == Token::kArray ? enter() : skip_scalar();
    if (!sound) return false;
  }
  return true;
}

bool unescape(std::string_view raw, bool escaped, std::string& out) {
  if (!is_valid_utf8(raw)) return false;
  if (!escaped) {
    out.append(raw);
    return true;
  }
  const auto unit_at = [&](std::size_t at) -> char32_t {
    char32_t unit = 0;
    for (std::size_t i = at; i < at + 4; ++i) unit = unit << 4 | static_cast<char32_t>(hex_digit(raw[i]));
    return unit;
  };
  std::size_t at = 0;
  while (true) {
    const std::size_t backslash = raw.find('\\', at);
    out.append(raw.substr(at, backslash - at));
    if (backslash == std::string_view::npos) return true;
    at = backslash + 2;
    switch (raw[backslash + 1]) {
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'u': {
        char32_t unit = unit_at(at);
        at += 4;
        if (unit >= 0xd800 && unit <= 0xdfff) {
          if (unit >= 0xdc00 || raw.substr(at, 2) != "\\u") return false;
          const char32_t low = unit_at(at + 2);
          if (low < 0xdc00 || low > 0xdfff) return false;
          at += 6;
          unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        }
        append_utf8(unit, out);
        break;
      }
      default: out.push_back(raw[backslash + 1]);
    }
  }
}

namespace {

template <class T>
std::optional<T> parse_integer(std::string_view raw) noexcept {
  T number = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (error != std::errc() || end != raw.data() + raw.size()) return std::nullopt;
  return number;
}

Value number_value(std::string_view raw) {
  // "-0" is no integer for those who echo it.
  if (const auto number = parse_integer<std::int64_t>(raw); number && (*number != 0 || raw.size() == 1)) {
    return Value(*number);
  }
  if (const auto number = parse_integer<std::uint64_t>(raw)) return Value(*number);
  return Value(NumberText{std::string(raw)});
}

// Recursion ends where the scanner says that it is too deep.
bool read_next(Scanner& scanner, Value& value) {
  const Token token = scanner.peek();
  std::string_view raw;
  bool escaped = false;
  switch (token) {
    case Token::kString: {
      std::string text;
      if (!scanner.string(raw, escaped) || !unescape(raw, escaped, text)) return false;
      value = Value(std::move(text));
      return true;
    }
    case Token::kArray: {
      Value::Array elements;
      if (!scanner.enter()) return false;
      while (scanner.next_element()) {
        if (!read_next(scanner, elements.emplace_back())) return false;
      }
      value = Value(std::move(elements));
      return !scanner.failed();
    }
    case Token::kObject: {
      ValueMap map;
      if (!scanner.enter()) return false;
      while (scanner.next_element()) {
        std::string key;
        if (!scanner.name(raw, escaped) || !unescape(raw, escaped, key)) return false;
        ValueEntry& entry = map.entries.emplace_back(ValueEntry{Value(std::move(key)), Value()});
        if (!read_next(scanner, entry.value)) return false;
      }
      value = Value(std::move(map));
      return !scanner.failed();
    }
    default: break;
  }
  const auto scalar = scanner.value();
  if (!scalar) return false;
  if (token == Token::kNumber) {
    value = number_value(*scalar);
  } else if (token == Token::kNull) {
    value = Value();
  } else {
    value = Value(token == Token::kTrue);
  }
  return true;
}

}  // namespace

std::optional<std::int64_t> parse_int64(std::string_view raw) noexcept { return parse_integer<std::int64_t>(raw); }
std::optional<std::int32_t> parse_int32(std::string_view raw) noexcept { return parse_integer<std::int32_t>(raw); }

bool read_value(std::string_view text, Value& value) {
  Scanner scanner(text);
  return read_next(scanner, value) && scanner.peek() == Token::kEnd;
}

}  // namespace hubgate::hub::json
