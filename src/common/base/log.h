#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace hubgate {

/// error = someone must act, warn = degraded, info = state changed, debug = one connection's story.
enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

std::string_view to_string(LogLevel level) noexcept;
/// "trace", "debug", "info", "warn", "error", "off"; false for any other text.
bool parse_log_level(std::string_view text, LogLevel& level) noexcept;

/// One fact of a log line. Holds views only: it lives as long as the call.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view name, std::string_view value) : name(name), value(value) {}
  LogField(std::string_view name, const std::string& value) : name(name), value(std::string_view(value)) {}
  LogField(std::string_view name, const char* value) : name(name), value(std::string_view(value)) {}
  LogField(std::string_view name, bool value) : name(name), value(value) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  LogField(std::string_view name, T value)
      : name(name), value([&]() -> Value {
          if constexpr (std::is_signed_v<T>) {
            return static_cast<std::int64_t>(value);
          } else {
            return static_cast<std::uint64_t>(value);
          }
        }()) {}
  LogField(std::string_view name, double value) : name(name), value(value) {}

  std::string_view name;
  Value value;
};

/// Writes lines "time level event name=value …". The event text is fixed, so that one can count; what
/// varies is in the fields. Never blocks: lines go to the sink given at construction. One thread, its
/// own; programs give a sink that writes into a bounded buffer and drops what does not fit.
class Log {
 public:
  using Fields = std::initializer_list<LogField>;
  /// Takes one whole line without its newline.
  using Sink = std::function<void(LogLevel level, std::string_view line)>;

  explicit Log(Sink sink, LogLevel level = LogLevel::kInfo);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void set_level(LogLevel level) noexcept { level_ = level; }
  LogLevel level() const noexcept { return level_; }
  bool logs(LogLevel level) const noexcept { return level >= level_; }

  void trace(std::string_view event, Fields fields = {}) {
    if (logs(LogLevel::kTrace)) write(LogLevel::kTrace, event, fields);
  }
  void debug(std::string_view event, Fields fields = {}) {
    if (logs(LogLevel::kDebug)) write(LogLevel::kDebug, event, fields);
  }
  void info(std::string_view event, Fields fields = {}) {
    if (logs(LogLevel::kInfo)) write(LogLevel::kInfo, event, fields);
  }
  void warn(std::string_view event, Fields fields = {}) {
    if (logs(LogLevel::kWarn)) write(LogLevel::kWarn, event, fields);
  }
  void error(std::string_view event, Fields fields = {}) {
    if (logs(LogLevel::kError)) write(LogLevel::kError, event, fields);
  }

 private:
  void write(LogLevel level, std::string_view event, Fields fields);

  struct Engine;  // the formatting library's logger
  std::unique_ptr<Engine> engine_;
  LogLevel level_;
};

/// A sink that writes to a descriptor at once (standard error by default), never blocks on one that is
/// non-blocking, and drops what does not fit. For the supervisor, tools and tests.
Log::Sink descriptor_sink(int fd = 2);

}  // namespace hubgate
