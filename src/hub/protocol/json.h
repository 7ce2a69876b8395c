#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hubgate/value.h>

#include "hub/protocol/hub_protocol.h"

/// JSON as System.Text.Json reads and writes it, without a document tree: a scanner that validates and gives raw
/// slices, a writer, and Value ⇄ JSON.
namespace hubgate::hub::json {

/// Nesting that the reader takes, the outermost container included.
inline constexpr int kMaxDepth = 64;

enum class Token : std::uint8_t { kObject, kArray, kString, kNumber, kTrue, kFalse, kNull, kEnd, kInvalid };

/// The name that .NET gives the token in error texts: 'Object', 'Array', 'String', …
std::string_view to_string(Token token) noexcept;

/// Walks over JSON text that must outlive it. Validates what it passes over: grammar, nesting, control characters in
/// strings; UTF-8 and surrogates are checked when a string is unescaped, as .NET does. A false or failed() is final.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  /// What comes next, white space passed over.
  Token peek() noexcept;
  /// One whole value, which must come next, as its raw text. Nothing: malformed.
  std::optional<std::string_view> value() noexcept;
  /// A string, which must come next: the raw text between its quotes. `escaped`: unescape() is needed.
  bool string(std::string_view& raw, bool& escaped) noexcept;

  /// Steps into an object or array, which must come next. False: too deep.
  bool enter() noexcept;
  /// Inside an object or array, before its first element or behind one: true when another element comes (which
  /// is then next), false when the container has ended (and was left) or when failed().
  bool next_element() noexcept;
  /// In an object, at an element: its name, the colon is passed over. False: malformed.
  bool name(std::string_view& raw, bool& escaped) noexcept;

  bool failed() const noexcept { return failed_; }
  /// Bytes passed over; after a failure, about where it is.
  std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  bool fail() noexcept;
  void skip_space() noexcept;
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

/// The text of a string whose raw form a Scanner gave, appended to `out`. False: invalid UTF-8 or half a surrogate pair.
bool unescape(std::string_view raw, bool escaped, std::string& out);
/// Whether a raw string means exactly this text.
bool raw_equals(std::string_view raw, bool escaped, std::string_view text);

/// An integer without fraction or exponent that fits, from a number's raw text.
std::optional<std::int64_t> parse_int64(std::string_view raw) noexcept;
std::optional<std::int32_t> parse_int32(std::string_view raw) noexcept;

/// Reads one value and nothing behind it but white space. `depth`: levels that surround it already. False: malformed, too
/// deep, or a string that is no text. Integers become int64 or uint64, other numbers keep their text.
bool read_value(std::string_view text, Value& value, int depth = 0);

/// How names of fields are written.
enum class Names : std::uint8_t { kCamelCase, kAsIs };

struct WriteOptions {
  Names names = Names::kCamelCase;
  Unwritable unwritable = Unwritable::kFail;
};

/// Appends. False: NaN, an infinity, an extension or more than kMaxDepth levels, with Unwritable::kFail; `out` has a part
/// of it then.
bool write_value(const Value& value, const WriteOptions& options, std::string& out);
/// Appends the text in quotes, with System.Text.Json's relaxed escaping; invalid UTF-8 becomes U+FFFD.
void write_string(std::string_view text, std::string& out);
void write_integer(std::int64_t value, std::string& out);
void write_unsigned(std::uint64_t value, std::string& out);
/// The shortest digits that read back, laid out as .NET does; not for NaN and infinities.
void write_double(double value, std::string& out);
void write_float(float value, std::string& out);

/// "FirstName" → "firstName", "URLValue" → "urlValue", as System.Text.Json's JsonNamingPolicy.CamelCase.
std::string camel_case(std::string_view name);

/// The text with every invalid sequence replaced by U+FFFD, as .NET's UTF8Encoding does.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace hubgate::hub::json
