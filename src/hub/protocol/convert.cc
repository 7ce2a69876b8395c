#include <hubgate/convert.h>

#include <charconv>

#include "common/base/ascii.h"
#include "common/base/base64.h"

namespace hubgate::detail {

std::optional<std::vector<std::byte>> bytes_of_base64(std::string_view text) { return base64_decode(text); }

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return hubgate::equals_ignoring_case(a, b);
}

std::optional<std::int64_t> integer_of_text(std::string_view text) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace hubgate::detail
