#pragma once

#include <string_view>

namespace hubgate::http {

/// The usual phrase of a status code; "Unknown" for others.
std::string_view reason_phrase(int status) noexcept;

/// Whether a response of that status may have a body at all (not: 1xx, 204, 304).
constexpr bool allows_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

}  // namespace hubgate::http
