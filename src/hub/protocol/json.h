#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hubgate/value.h>

/// JSON as System.Text.Json reads it, without a document tree: a scanner that validates and gives raw slices.
namespace hubgate::hub::json {

/// Nesting that the reader takes, the outermost container included.
inline constexpr int kMaxDepth = 64;

enum class Token : std::uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull, kEnd, kInvalid };

/// The name that SignalR gives the token in error texts: 'Object', 'Array', 'String', …
std::string_view to_string(Token token) noexcept;

/// Walks over JSON text that must outlive it. Validates what it passes over: grammar, nesting, control characters in
/// strings; UTF-8 and surrogates are checked when a string is unescaped, as .NET does. A failure is final.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  /// What comes next by its first character, white space passed over.
  Token peek() noexcept;
  /// One whole value, which must come next, as its raw text. Nothing: malformed or too deep.
  std::optional<std::string_view> value() noexcept;
  /// A string, which must come next: the raw text between its quotes. `escaped`: it has escapes. False: malformed.
  bool string(std::string_view& raw, bool& escaped) noexcept;

  /// Steps into an object or array, which must come next. False: too deep.
  bool enter() noexcept;
  /// Inside a container, before its first element or behind one: true when another element comes (which is next then),
  /// false when the container has ended and was left, or when failed().
  bool next_element() noexcept;
  /// In an object, at an element: its name, raw; the colon is passed over. False: malformed.
  bool name(std::string_view& raw, bool& escaped) noexcept;

  bool failed() const noexcept { return failed_; }
  /// Bytes passed over; after a failure, about where it is.
  std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  bool fail() noexcept;
  void skip_space() noexcept;
  bool skip_scalar() noexcept;
  bool skip_string(bool& escaped) noexcept;
  bool skip_number() noexcept;
  bool skip_literal(std::string_view literal) noexcept;
  bool skip_container() noexcept;

  const char* begin_;
  const char* at_;
  const char* end_;
  std::uint64_t is_object_ = 0;  // one bit a level, the innermost lowest
  int depth_ = 0;
  bool first_ = false;  // no element of the innermost container was seen yet
  bool failed_ = false;
};

/// Appends the text of a string whose raw form a Scanner gave. False: invalid UTF-8 or half a surrogate pair.
bool unescape(std::string_view raw, bool escaped, std::string& out);

/// An integer without fraction or exponent that fits, from a number's raw text.
std::optional<std::int64_t> parse_int64(std::string_view raw) noexcept;
std::optional<std::int32_t> parse_int32(std::string_view raw) noexcept;

/// Reads one value and nothing behind it but white space. False: malformed, too deep, or a string that is no text.
/// Integers become int64 or uint64, other numbers keep their text.
bool read_value(std::string_view text, Value& value);

// Inside loops over members these are called for every few bytes, so they are here to be inlined.

namespace detail {

// What the first character says of a value.
inline constexpr std::array<Token, 256> kTokens = [] {
  std::array<Token, 256> tokens{};
  for (Token& token : tokens) token = Token::kInvalid;
  tokens['{'] = Token::kObject;
  tokens['['] = Token::kArray;
  tokens['"'] = Token::kString;
  tokens['-'] = Token::kNumber;
  for (unsigned c = '0'; c <= '9'; ++c) tokens[c] = Token::kNumber;
  tokens['t'] = Token::kTrue;
  tokens['f'] = Token::kFalse;
  tokens['n'] = Token::kNull;
  return tokens;
}();

}  // namespace detail

inline bool Scanner::fail() noexcept {
  failed_ = true;
  return false;
}

inline void Scanner::skip_space() noexcept {
  while (at_ != end_ && static_cast<std::uint8_t>(*at_) <= ' ') {
    if (*at_ != ' ' && *at_ != '\n' && *at_ != '\r' && *at_ != '\t') return;
    ++at_;
  }
}

inline Token Scanner::peek() noexcept {
  skip_space();
  return at_ == end_ ? Token::kEnd : detail::kTokens[static_cast<std::uint8_t>(*at_)];
}

inline bool Scanner::next_element() noexcept {
  if (failed_) return false;
  skip_space();
  if (at_ == end_) return fail();
  const bool in_object = (is_object_ & 1) != 0;
  const char close = in_object ? '}' : ']';
  if (*at_ == close) {
    ++at_;
    --depth_;
    is_object_ >>= 1;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (*at_ != ',') return fail();
    ++at_;
    skip_space();
    if (at_ == end_ || *at_ == close) return fail();  // a trailing comma
  }
  first_ = false;
  return !in_object || *at_ == '"' || fail();
}

inline bool Scanner::name(std::string_view& raw, bool& escaped) noexcept {
  if (!string(raw, escaped)) return false;
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail();
  ++at_;
  return true;
}

}  // namespace hubgate::hub::json
