#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hubgate::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT", for Date and Last-Modified.
std::string format_date(std::chrono::system_clock::time_point time);
/// Reads that form only (not the two obsolete ones); nothing for anything else.
std::optional<std::chrono::system_clock::time_point> parse_date(std::string_view text);

}  // namespace hubgate::http
