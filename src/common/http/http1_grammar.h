#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/http/rejection.h"

namespace hubgate::http {

/// RFC 9110 token characters, for methods and field names.
bool is_token_char(char c) noexcept;
bool is_token(std::string_view text) noexcept;
/// No control character but HTAB; bytes from 0x80 are allowed.
bool is_field_value(std::string_view text) noexcept;
/// What a field must be to be written: a token, and a value without control characters and outer white space.
bool is_valid_field(std::string_view name, std::string_view value) noexcept;
/// Bytes that a target may hold: visible ASCII but '#', '"', '<', '>'.
bool is_target_char(char c) noexcept;

/// One line cut from the front of a stream, ended by CRLF.
struct CutLine {
  enum class Outcome : std::uint8_t { kLine, kNeedMore, kTooLong, kBareLf };
  Outcome outcome = Outcome::kNeedMore;
  std::string_view text;  // without CRLF; for kTooLong its first max + 1 bytes
  std::size_t taken = 0;  // with CRLF; for kLine only
};
/// `max` counts the line without CRLF. The outcome for a line does not depend on how much of it has come, save for
/// kNeedMore. The text may still hold bare CRs.
CutLine cut_line(std::string_view input, std::size_t max) noexcept;

/// "Name: value" without CRLF. `rejection` is kNone when it is one; the value is without outer white space.
struct FieldLine {
  Rejection rejection = Rejection::kNone;
  std::string_view name;
  std::string_view value;
};
FieldLine parse_field_line(std::string_view line) noexcept;

/// 1*DIGIT up to 2^53; nothing otherwise.
std::optional<std::uint64_t> parse_content_length(std::string_view text) noexcept;

/// Calls `visit(element)` for every element of a comma-separated list that is not empty, without outer white space.
template <class Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!element.empty() && is_space(element.front())) element.remove_prefix(1);
    while (!element.empty() && is_space(element.back())) element.remove_suffix(1);
    if (!element.empty()) visit(element);
  }
}

}  // namespace hubgate::http
