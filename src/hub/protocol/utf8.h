#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// UTF-8 as .NET's UTF8Encoding takes it.
namespace hubgate::hub {

bool is_valid_utf8(std::string_view text) noexcept;

/// One code point at the front of `text`, which must not be empty.
struct CodePoint {
  char32_t value = 0;    // U+FFFD for an invalid sequence
  std::size_t size = 0;  // bytes; of an invalid sequence its longest prefix that could have become valid, at least 1
  bool is_valid = false;
};
CodePoint decode_utf8(std::string_view text) noexcept;

/// Appends; `code_point` must be a valid one, no surrogate.
void append_utf8(char32_t code_point, std::string& out);

/// The text with each invalid sequence replaced by one U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace hubgate::hub
