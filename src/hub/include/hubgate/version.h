#pragma once

#define HUBGATE_VERSION_MAJOR 0
#define HUBGATE_VERSION_MINOR 1
#define HUBGATE_VERSION_PATCH 0

namespace hubgate {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace hubgate
