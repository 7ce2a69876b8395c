#include "common/http/date.h"

#include <array>
#include <cstdio>

#include "common/base/ascii.h"

namespace hubgate::http {
namespace {

constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string format_date(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  char text[64];
  const int size =
      std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday(day).c_encoding()],
                    static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                    static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
                    static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return std::string(text, static_cast<std::size_t>(size));
}

std::optional<std::chrono::system_clock::time_point> parse_date(std::string_view text) {
  using namespace std::chrono;
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (text.size() != 29) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) { return parse_decimal(text.substr(at, size)); };
  const auto day_of_month = number(5, 2);
  const auto year_number = number(12, 4);
  const auto hour = number(17, 2);
  const auto minute_number = number(20, 2);
  const auto second = number(23, 2);
  if (!day_of_month || !year_number || !hour || !minute_number || !second) return std::nullopt;
  if (*hour > 23 || *minute_number > 59 || *second > 60) return std::nullopt;
  unsigned month_number = 0;
  for (unsigned i = 0; i < kMonths.size(); ++i) {
    if (text.substr(8, 3) == kMonths[i]) month_number = i + 1;
  }
  if (month_number == 0) return std::nullopt;
  const year_month_day date(year(static_cast<int>(*year_number)), month(month_number),
                            day(static_cast<unsigned>(*day_of_month)));
  if (!date.ok()) return std::nullopt;
  const system_clock::time_point time = sys_days(date) + hours(*hour) + minutes(*minute_number) + seconds(*second);
  // Written anew it must be the same text: that checks the weekday and every character between the numbers.
  if (*second != 60 && format_date(time) != text) return std::nullopt;
  return time;
}

}  // namespace hubgate::http
