#include <hubgate/value.h>

#include <charconv>
#include <limits>

namespace hubgate {

const Value* ValueMap::find(std::string_view key) const {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto* name = entry->key.get_if<std::string>();
    if (name != nullptr && *name == key) return &entry->value;
  }
  return nullptr;
}

std::optional<std::int64_t> Value::to_int64() const noexcept {
  if (const auto* number = get_if<std::int64_t>()) return *number;
  return std::nullopt;  // a uint64 is kept as such only where int64 ends
}

std::optional<std::uint64_t> Value::to_uint64() const noexcept {
  if (const auto* number = get_if<std::uint64_t>()) return *number;
  if (const auto* number = get_if<std::int64_t>(); number != nullptr && *number >= 0) {
    return static_cast<std::uint64_t>(*number);
  }
  return std::nullopt;
}

std::optional<double> Value::to_double() const noexcept {
  switch (kind()) {
    case Kind::kInt64: return static_cast<double>(*get_if<std::int64_t>());
    case Kind::kUInt64: return static_cast<double>(*get_if<std::uint64_t>());
    case Kind::kFloat: return static_cast<double>(*get_if<float>());
    case Kind::kDouble: return *get_if<double>();
    case Kind::kNumberText: {
      const std::string& text = get_if<NumberText>()->text;
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (end != text.data() + text.size()) return std::nullopt;
      if (error == std::errc::result_out_of_range) {
        // Too small reads as zero, too large as infinity, as .NET does; from_chars leaves the number as it was.
        const bool negative = text.front() == '-';
        const auto exponent = text.find_first_of("eE");
        const bool tiny = exponent != std::string::npos && exponent + 1 < text.size() && text[exponent + 1] == '-';
        const double magnitude = tiny ? 0.0 : std::numeric_limits<double>::infinity();
        return negative ? -magnitude : magnitude;
      }
      return number;
    }
    default: return std::nullopt;
  }
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kMap: return a.get_if<ValueMap>()->entries == b.get_if<ValueMap>()->entries;
    case Value::Kind::kTwoForms: return a.get_if<TwoForms>()->forms == b.get_if<TwoForms>()->forms;
    case Value::Kind::kNull: return true;
    case Value::Kind::kBool: return *a.get_if<bool>() == *b.get_if<bool>();
    case Value::Kind::kInt64: return *a.get_if<std::int64_t>() == *b.get_if<std::int64_t>();
    case Value::Kind::kUInt64: return *a.get_if<std::uint64_t>() == *b.get_if<std::uint64_t>();
    case Value::Kind::kFloat: return *a.get_if<float>() == *b.get_if<float>();
    case Value::Kind::kDouble: return *a.get_if<double>() == *b.get_if<double>();
    case Value::Kind::kString: return *a.get_if<std::string>() == *b.get_if<std::string>();
    case Value::Kind::kBytes: return *a.get_if<Value::Bytes>() == *b.get_if<Value::Bytes>();
    case Value::Kind::kArray: return *a.get_if<Value::Array>() == *b.get_if<Value::Array>();
    case Value::Kind::kTimestamp: return *a.get_if<Timestamp>() == *b.get_if<Timestamp>();
    case Value::Kind::kExtension: return *a.get_if<Extension>() == *b.get_if<Extension>();
    case Value::Kind::kNumberText: return *a.get_if<NumberText>() == *b.get_if<NumberText>();
  }
  return false;
}

namespace {

constexpr std::int64_t kSecondsPerDay = 86400;
constexpr std::int64_t kFirstSecond = -62135596800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253402300799;   // 9999-12-31T23:59:59Z

// Howard Hinnant's civil calendar, days since 1970-01-01.
constexpr std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}

struct Date {
  std::int64_t year;
  unsigned month, day;
};

constexpr Date civil_from_days(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2), month,
          day_of_year - (153 * shifted + 2) / 5 + 1};
}

void append_digits(std::string& out, std::uint64_t number, int digits) {
  char buffer[20];
  for (int i = digits - 1; i >= 0; --i) {
    buffer[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  out.append(buffer, static_cast<std::size_t>(digits));
}

// Exactly `digits` digits at the front of `text`, which are taken off; -1 otherwise.
int take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

constexpr unsigned days_in_month(int year, int month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

}  // namespace

std::string to_text(Timestamp timestamp) {
  if (timestamp.seconds < kFirstSecond || timestamp.seconds > kLastSecond) return {};
  std::int64_t days = timestamp.seconds / kSecondsPerDay;
  std::int64_t rest = timestamp.seconds % kSecondsPerDay;
  if (rest < 0) {
    rest += kSecondsPerDay;
    --days;
  }
  const Date date = civil_from_days(days);
  const auto second_of_day = static_cast<std::uint64_t>(rest);
  std::string text;
  text.reserve(28);
  append_digits(text, static_cast<std::uint64_t>(date.year), 4);
  text += '-';
  append_digits(text, date.month, 2);
  text += '-';
  append_digits(text, date.day, 2);
  text += 'T';
  append_digits(text, second_of_day / 3600, 2);
  text += ':';
  append_digits(text, second_of_day / 60 % 60, 2);
  text += ':';
  append_digits(text, second_of_day % 60, 2);
  if (const std::uint32_t ticks = timestamp.nanoseconds / 100; ticks != 0) {
    text += '.';
    append_digits(text, ticks, 7);
    while (text.back() == '0') text.pop_back();
  }
  text += 'Z';
  return text;
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  const int year = take_digits(text, 4);
  if (year < 1 || !take(text, '-')) return std::nullopt;
  const int month = take_digits(text, 2);
  if (month < 1 || month > 12 || !take(text, '-')) return std::nullopt;
  const int day = take_digits(text, 2);
  if (day < 1 || static_cast<unsigned>(day) > days_in_month(year, month)) return std::nullopt;
  Timestamp result;
  result.seconds = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) * kSecondsPerDay;
  if (text.empty()) return result;  // a date alone is midnight
  if (!take(text, 'T')) return std::nullopt;
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return std::nullopt;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  int second = 0;
  if (take(text, ':')) {
    second = take_digits(text, 2);
    if (second < 0 || second > 59) return std::nullopt;
    if (take(text, '.')) {
      std::uint32_t ticks = 0;
      std::size_t digits = 0;
      while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        if (++digits > 16) return std::nullopt;
        if (digits <= 7) ticks = ticks * 10 + static_cast<std::uint32_t>(text.front() - '0');
        text.remove_prefix(1);
      }
      if (digits == 0) return std::nullopt;
      for (; digits < 7; ++digits) ticks *= 10;
      result.nanoseconds = ticks * 100;
    }
  }
  result.seconds += hour * 3600 + minute * 60 + second;
  if (text.empty() || text == "Z") return result;
  const int sign = text.front() == '+' ? 1 : text.front() == '-' ? -1 : 0;
  if (sign == 0) return std::nullopt;
  text.remove_prefix(1);
  const int offset_hours = take_digits(text, 2);
  if (offset_hours < 0 || offset_hours > 14 || !take(text, ':')) return std::nullopt;
  const int offset_minutes = take_digits(text, 2);
  if (offset_minutes < 0 || offset_minutes > 59 || !text.empty()) return std::nullopt;
  result.seconds -= sign * (offset_hours * 3600 + offset_minutes * 60);
  return result;
}

}  // namespace hubgate
