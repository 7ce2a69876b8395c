#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/http/headers.h"

namespace hubgate::http {

/// The first cookie of that name in the Cookie fields, names compared with case as RFC 6265 wants; without the double
/// quotes that may stand around a value. A view into `headers`.
std::optional<std::string_view> cookie_value(const Headers& headers, std::string_view name);

struct Cookie {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const Cookie&, const Cookie&) = default;
};
/// The cookies of one Cookie field in order; pairs without '=' or without a name are left out.
std::vector<Cookie> parse_cookies(std::string_view field);

}  // namespace hubgate::http
