#include "common/base/log.h"

#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace hubgate {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info", "warn", "error", "off"};

spdlog::level::level_enum engine_level(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return spdlog::level::trace;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: break;
  }
  return spdlog::level::off;
}

LogLevel own_level(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace: return LogLevel::kTrace;
    case spdlog::level::debug: return LogLevel::kDebug;
    case spdlog::level::info: return LogLevel::kInfo;
    case spdlog::level::warn: return LogLevel::kWarn;
    default: return LogLevel::kError;
  }
}

// Hands each formatted line to the Log's sink; one thread, so no mutex.
class SinkAdapter final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit SinkAdapter(Log::Sink sink) : sink_(std::move(sink)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    sink_(own_level(message.level), std::string_view(line.data(), line.size()));
  }
  void flush_() override {}

 private:
  Log::Sink sink_;
};

// Values with spaces, quotes, control bytes or nothing in them are quoted, so that a line can be cut into its
// fields again and a peer's bytes cannot forge a second line.
void append_text(fmt::memory_buffer& out, std::string_view text) {
  bool plain = !text.empty();
  for (const char c : text) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || static_cast<unsigned char>(c) == 0x7f) plain = false;
  }
  if (plain) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f) {
      fmt::format_to(fmt::appender(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept { return kNames[static_cast<std::size_t>(level)]; }

bool parse_log_level(std::string_view text, LogLevel& level) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) {
      level = static_cast<LogLevel>(i);
      return true;
    }
  }
  return false;
}

struct Log::Engine {
  explicit Engine(Sink sink) : logger("hubgate", std::make_shared<SinkAdapter>(std::move(sink))) {
    logger.set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc, ""));
    logger.set_level(spdlog::level::trace);
  }
  spdlog::logger logger;
};

Log::Log(Sink sink, LogLevel level) : engine_(std::make_unique<Engine>(std::move(sink))), level_(level) {}
Log::~Log() = default;

void Log::write(LogLevel level, std::string_view event, Fields fields) {
  fmt::memory_buffer line;
  append_text(line, event);
  for (const LogField& field : fields) {
    line.push_back(' ');
    line.append(field.name);
    line.push_back('=');
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_text(line, *text);
    } else {
      std::visit(
          [&line](auto value) {
            if constexpr (!std::is_same_v<decltype(value), std::string_view>) {
              fmt::format_to(fmt::appender(line), "{}", value);
            }
          },
          field.value);
    }
  }
  engine_->logger.log(engine_level(level), spdlog::string_view_t(line.data(), line.size()));
}

Log::Sink descriptor_sink(int fd) {
  return [fd](LogLevel, std::string_view line) {
    std::string whole(line);
    whole += '\n';
    const ssize_t written = ::write(fd, whole.data(), whole.size());
    static_cast<void>(written);  // nowhere to report it
  };
}

}  // namespace hubgate
