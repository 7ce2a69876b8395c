#include "common/http/cookie.h"

#include "common/base/ascii.h"

namespace hubgate::http {
namespace {

// Calls visit(cookie) for each; stops when it returns true.
template <class Visit>
bool visit_cookies(std::string_view field, Visit visit) {
  while (!field.empty()) {
    const std::size_t end = field.find(';');
    const std::string_view pair = trim(field.substr(0, end));
    field = end == std::string_view::npos ? std::string_view() : field.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    Cookie cookie{trim(pair.substr(0, equals)), trim(pair.substr(equals + 1))};
    if (cookie.value.size() >= 2 && cookie.value.front() == '"' && cookie.value.back() == '"') {
      cookie.value = cookie.value.substr(1, cookie.value.size() - 2);
    }
    if (!cookie.name.empty() && visit(cookie)) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> cookie_value(const Headers& headers, std::string_view name) {
  std::optional<std::string_view> value;
  for (const Headers::Field field : headers) {
    if (!equals_ignoring_case(field.name, "Cookie")) continue;
    const bool found = visit_cookies(field.value, [&](const Cookie& cookie) {
      if (cookie.name != name) return false;
      value = cookie.value;
      return true;
    });
    if (found) break;
  }
  return value;
}

std::vector<Cookie> parse_cookies(std::string_view field) {
  std::vector<Cookie> cookies;
  visit_cookies(field, [&](const Cookie& cookie) {
    cookies.push_back(cookie);
    return false;
  });
  return cookies;
}

}  // namespace hubgate::http
