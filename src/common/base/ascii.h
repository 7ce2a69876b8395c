#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubgate {

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Equal without regard to the case of A–Z; other bytes must be the same.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept;
std::string to_lower(std::string_view text);
/// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text) noexcept;
/// Digits only, no sign, no white space; nothing when it does not fit or is no number.
std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;
std::optional<std::uint64_t> parse_hex(std::string_view text) noexcept;

/// Order and equality without regard to ASCII case, for maps whose keys are names of that kind.
struct LessIgnoringCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const noexcept;
};

}  // namespace hubgate
