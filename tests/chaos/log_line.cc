#include "tests/chaos/log_line.h"

#include <charconv>

namespace hubgate::chaos {
namespace {

template <class T>
bool read(std::string_view text, std::size_t at, std::size_t length, T& number) {
  const char* begin = text.data() + at;
  return std::from_chars(begin, begin + length, number).ptr == begin + length;
}

}  // namespace

std::optional<LogLine> LogLine::parse(std::string_view line) {
  LogLine parsed;
  if (line.starts_with('[')) {
    const std::size_t end = line.find("] ");
    if (end == line.npos) return std::nullopt;
    parsed.tag = line.substr(1, end - 1);
    line.remove_prefix(end + 2);
  }
  // "2026-11-25T17:27:07.069Z "
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0, millisecond = 0;
  if (line.size() < 26 || line[10] != 'T' || line[23] != 'Z' || !read(line, 0, 4, year) || !read(line, 5, 2, month) ||
      !read(line, 8, 2, day) || !read(line, 11, 2, hour) || !read(line, 14, 2, minute) || !read(line, 17, 2, second) ||
      !read(line, 20, 3, millisecond)) {
    return std::nullopt;
  }
  const std::chrono::sys_days date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  parsed.time = date + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) +
                std::chrono::milliseconds(millisecond);
  const std::size_t level = line.find(' ', 25);
  if (level == line.npos || level + 1 >= line.size()) return std::nullopt;
  line.remove_prefix(level + 1);
  const bool quoted = line.front() == '"';
  if (quoted) line.remove_prefix(1);
  const std::size_t end = line.find(quoted ? '"' : ' ');
  parsed.event = line.substr(0, end);
  if (end != line.npos) parsed.fields = line.substr(end + 1);
  return parsed;
}

std::string_view LogLine::field(std::string_view name) const {
  for (std::size_t at = 0; (at = fields.find(name, at)) != fields.npos; at += name.size()) {
    if ((at != 0 && fields[at - 1] != ' ') || at + name.size() >= fields.size() || fields[at + name.size()] != '=') {
      continue;
    }
    std::string_view value = fields.substr(at + name.size() + 1);
    if (value.starts_with('"')) return value.substr(1, value.find('"', 1) - 1);
    return value.substr(0, value.find(' '));
  }
  return {};
}

long long LogLine::number(std::string_view name) const {
  const std::string_view value = field(name);
  long long number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

}  // namespace hubgate::chaos
