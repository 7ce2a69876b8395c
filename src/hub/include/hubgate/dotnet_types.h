#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hubgate/convert.h>
#include <hubgate/value.h>

/// .NET types that have no counterpart in C++, for programs that share methods with .NET clients and servers. The two
/// protocols write each of them differently, and readers expect exactly that.
namespace hubgate {

/// A duration in ticks of 100 ns. JSON: `[-][d.]hh:mm:ss[.fffffff]`; MessagePack: the ticks.
struct TimeSpan {
  std::int64_t ticks = 0;

  friend auto operator<=>(const TimeSpan&, const TimeSpan&) = default;
};
std::string to_text(TimeSpan span);
std::optional<TimeSpan> parse_time_span(std::string_view text);

/// A point in time and how far the clock there was ahead of UTC. JSON: ISO 8601 with the offset; MessagePack: the local
/// clock's reading as a timestamp, and the minutes.
struct DateTimeOffset {
  Timestamp instant;
  std::int16_t offset_minutes = 0;

  friend bool operator==(const DateTimeOffset&, const DateTimeOffset&) = default;
};
std::string to_text(const DateTimeOffset& time);
std::optional<DateTimeOffset> parse_date_time_offset(std::string_view text);

/// A decimal number by its digits, as .NET's decimal keeps its scale: "12.50". JSON: a number; MessagePack: a text.
struct Decimal {
  std::string text = "0";

  friend bool operator==(const Decimal&, const Decimal&) = default;
};

template <>
struct Converter<TimeSpan> {
  static Value to_value(TimeSpan span);
  static bool from_value(Value&& value, ValueFormat format, TimeSpan& result);
};
template <>
struct Converter<DateTimeOffset> {
  static Value to_value(const DateTimeOffset& time);
  static bool from_value(Value&& value, ValueFormat format, DateTimeOffset& result);
};
template <>
struct Converter<Decimal> {
  static Value to_value(const Decimal& decimal);
  static bool from_value(Value&& value, ValueFormat format, Decimal& result);
};
/// .NET's char, one unit of UTF-16. JSON: a text of one character; MessagePack: its number.
template <>
struct Converter<char16_t> {
  static Value to_value(char16_t unit);
  static bool from_value(Value&& value, ValueFormat format, char16_t& result);
};

}  // namespace hubgate
