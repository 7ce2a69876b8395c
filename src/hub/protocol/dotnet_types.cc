#include <hubgate/dotnet_types.h>

#include <charconv>

#include "hub/protocol/utf8.h"

namespace hubgate {

namespace {

constexpr std::uint64_t kTicksPerSecond = 10'000'000;
constexpr std::uint64_t kTicksPerDay = 86400 * kTicksPerSecond;

void append_digits(std::string& out, std::uint64_t number, std::size_t digits) {
  const std::string text = std::to_string(number);
  out.append(digits - text.size(), '0').append(text);
}

// One or more digits at the front, at most `most`, which are taken off.
std::optional<std::uint64_t> take_number(std::string_view& text, std::size_t most) {
  std::uint64_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits <= most && text[digits] >= '0' && text[digits] <= '9') {
    number = number * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  if (digits == 0 || digits > most) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// -?digits[.digits], which .NET's decimal and JSON both read.
bool is_decimal(std::string_view text) {
  take(text, '-');
  const auto digits = [&] {
    const std::size_t end = text.find_first_not_of("0123456789");
    const std::size_t count = end == std::string_view::npos ? text.size() : end;
    text.remove_prefix(count);
    return count;
  };
  const bool zero = text.starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  return text.empty() || (take(text, '.') && digits() != 0 && text.empty());
}

Value two_forms(Value json, Value message_pack) {
  TwoForms both;
  both.forms.push_back(std::move(json));
  both.forms.push_back(std::move(message_pack));
  return Value(std::move(both));
}

Timestamp shifted(Timestamp time, std::int64_t minutes) { return {time.seconds + minutes * 60, time.nanoseconds}; }

}  // namespace

std::string to_text(TimeSpan span) {
  const bool negative = span.ticks < 0;
  const std::uint64_t ticks =
      negative ? 0 - static_cast<std::uint64_t>(span.ticks) : static_cast<std::uint64_t>(span.ticks);
  std::string text = negative ? "-" : "";
  if (ticks >= kTicksPerDay) text += std::to_string(ticks / kTicksPerDay) + ".";
  const std::uint64_t seconds = ticks % kTicksPerDay / kTicksPerSecond;
  append_digits(text, seconds / 3600, 2);
  text += ':';
  append_digits(text, seconds / 60 % 60, 2);
  text += ':';
  append_digits(text, seconds % 60, 2);
  if (const std::uint64_t fraction = ticks % kTicksPerSecond; fraction != 0) {
    text += '.';
    append_digits(text, fraction, 7);
  }
  return text;
}

std::optional<TimeSpan> parse_time_span(std::string_view text) {
  const bool negative = take(text, '-');
  std::uint64_t days = 0;
  auto number = take_number(text, 8);
  if (!number) return std::nullopt;
  if (take(text, '.')) {
    days = *number;
    number = take_number(text, 2);
  }
  if (!number || *number > 23 || !take(text, ':')) return std::nullopt;
  std::uint64_t seconds = *number * 3600;
  number = take_number(text, 2);
  if (!number || *number > 59 || !take(text, ':')) return std::nullopt;
  seconds += *number * 60;
  number = take_number(text, 2);
  if (!number || *number > 59) return std::nullopt;
  seconds += *number;
  std::uint64_t fraction = 0;
  if (take(text, '.')) {
    const std::size_t before = text.size();
    number = take_number(text, 7);
    if (!number) return std::nullopt;
    fraction = *number;
    for (std::size_t digits = before - text.size(); digits < 7; ++digits) fraction *= 10;
  }
  if (!text.empty()) return std::nullopt;
  const std::uint64_t ticks = days * kTicksPerDay + seconds * kTicksPerSecond + fraction;
  const std::uint64_t limit = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (ticks > limit) return std::nullopt;
  return TimeSpan{static_cast<std::int64_t>(negative ? 0 - ticks : ticks)};
}

std::string to_text(const DateTimeOffset& time) {
  std::string text = to_text(shifted(time.instant, time.offset_minutes));
  if (text.empty()) return text;
  text.back() = time.offset_minutes < 0 ? '-' : '+';
  const auto minutes = static_cast<std::uint64_t>(std::abs(time.offset_minutes));
  append_digits(text, minutes / 60, 2);
  text += ':';
  append_digits(text, minutes % 60, 2);
  return text;
}

std::optional<DateTimeOffset> parse_date_time_offset(std::string_view text) {
  const auto instant = parse_timestamp(text);
  if (!instant) return std::nullopt;
  DateTimeOffset result{*instant, 0};
  if (text.size() > 6 && text[text.size() - 3] == ':' &&
      (text[text.size() - 6] == '+' || text[text.size() - 6] == '-')) {
    std::string_view offset = text.substr(text.size() - 5);
    const int hours = (offset[0] - '0') * 10 + (offset[1] - '0');
    const int minutes = (offset[3] - '0') * 10 + (offset[4] - '0');
    const int sign = text[text.size() - 6] == '-' ? -1 : 1;
    result.offset_minutes = static_cast<std::int16_t>(sign * (hours * 60 + minutes));
  }
  return result;
}

Value Converter<TimeSpan>::to_value(TimeSpan span) { return two_forms(Value(to_text(span)), Value(span.ticks)); }

bool Converter<TimeSpan>::from_value(Value&& value, ValueFormat format, TimeSpan& result) {
  if (format == ValueFormat::kMessagePack)
    return Converter<std::int64_t>::from_value(std::move(value), format, result.ticks);
  const auto* text = value.get_if<std::string>();
  const auto parsed = text == nullptr ? std::nullopt : parse_time_span(*text);
  if (parsed) result = *parsed;
  return parsed.has_value();
}

Value Converter<DateTimeOffset>::to_value(const DateTimeOffset& time) {
  return two_forms(Value(to_text(time)),
                   Value::array({Value(shifted(time.instant, time.offset_minutes)), Value(time.offset_minutes)}));
}

bool Converter<DateTimeOffset>::from_value(Value&& value, ValueFormat format, DateTimeOffset& result) {
  if (format == ValueFormat::kJson) {
    const auto* text = value.get_if<std::string>();
    const auto parsed = text == nullptr ? std::nullopt : parse_date_time_offset(*text);
    if (parsed) result = *parsed;
    return parsed.has_value();
  }
  const auto* pair = value.get_if<Value::Array>();
  if (pair == nullptr || pair->size() != 2) return false;
  const auto* local = pair->front().get_if<Timestamp>();
  constexpr std::int16_t kMostMinutes = 14 * 60;
  if (local == nullptr || !detail::integer_from(pair->back(), result.offset_minutes)) return false;
  if (result.offset_minutes < -kMostMinutes || result.offset_minutes > kMostMinutes) return false;
  // The sum of an untrusted reading and an offset must not overflow.
  if (to_text(*local).empty()) return false;
  result.instant = shifted(*local, -result.offset_minutes);
  return true;
}

Value Converter<Decimal>::to_value(const Decimal& decimal) {
  return two_forms(Value(NumberText{decimal.text}), Value(decimal.text));
}

bool Converter<Decimal>::from_value(Value&& value, ValueFormat format, Decimal& result) {
  const auto* text = value.get_if<std::string>();
  if (format == ValueFormat::kMessagePack) {
    if (text == nullptr || !is_decimal(*text)) return false;
    result.text = *text;
    return true;
  }
  if (const auto* number = value.get_if<NumberText>()) {
    if (!is_decimal(number->text)) return false;
    result.text = number->text;
    return true;
  }
  if (const auto number = value.to_int64()) {
    result.text = std::to_string(*number);
    return true;
  }
  if (const auto number = value.to_uint64()) {
    result.text = std::to_string(*number);
    return true;
  }
  return false;
}

Value Converter<char16_t>::to_value(char16_t unit) {
  std::string text;
  const bool surrogate = unit >= 0xd800 && unit <= 0xdfff;
  hub::append_utf8(surrogate ? U'\xfffd' : static_cast<char32_t>(unit), text);
  return two_forms(Value(std::move(text)), Value(static_cast<std::uint16_t>(unit)));
}

bool Converter<char16_t>::from_value(Value&& value, ValueFormat format, char16_t& result) {
  if (format == ValueFormat::kMessagePack) {
    std::uint16_t unit = 0;
    if (!detail::integer_from(value, unit)) return false;
    result = static_cast<char16_t>(unit);
    return true;
  }
  const auto* text = value.get_if<std::string>();
  if (text == nullptr || text->empty()) return false;
  const hub::CodePoint only = hub::decode_utf8(*text);
  if (!only.is_valid || only.size != text->size() || only.value > 0xffff) return false;
  result = static_cast<char16_t>(only.value);
  return true;
}

}  // namespace hubgate
