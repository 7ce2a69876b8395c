#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubgate::config {

/// "250ms", "10s", "5m", "1h", "2d": digits and one unit. Nothing for anything else, or above about 292 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
/// "512B", "64KiB", "1MiB", "2GiB": digits and one unit. Nothing for anything else, or above 2^63 - 1.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

/// In the largest unit that leaves a whole number: "10s", "90s", "1h". Zero is "0s".
std::string format_duration(std::chrono::milliseconds duration);
/// In the largest unit that leaves a whole number: "64KiB", "1000B". Zero is "0B".
std::string format_size(std::uint64_t bytes);

}  // namespace hubgate::config
