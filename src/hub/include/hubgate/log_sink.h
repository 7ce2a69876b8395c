#pragma once

#include <functional>
#include <string_view>

namespace hubgate {

/// Takes one line of the library's log, without a newline: "time level event name=value …". `level` is "debug",
/// "info", "warn" or "error". Called in the server's thread; it must not block for long.
using LogSink = std::function<void(std::string_view level, std::string_view line)>;

}  // namespace hubgate
