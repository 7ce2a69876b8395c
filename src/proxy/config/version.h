#pragma once

#include <string_view>

namespace hubgate::proxy {

/// As in the top CMakeLists.txt and in <hubgate/version.h>; a test compares them.
inline constexpr std::string_view kProductVersion = "0.1.0";

}  // namespace hubgate::proxy
