#include "proxy/access/access_log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hubgate::proxy {
namespace {

constexpr std::string_view kSyslog = "syslog";
constexpr std::string_view kSyslogAt = "syslog:";  // another socket than the usual one
constexpr int kPriority = 3 * 8 + 6;               // daemon.info

bool is_syslog(std::string_view target) { return target == kSyslog || target.starts_with(kSyslogAt); }

Descriptor open_syslog(std::string_view target) {
  const std::string_view path =
      target.starts_with(kSyslogAt) ? target.substr(kSyslogAt.size()) : std::string_view(AccessLog::kSyslogSocket);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return {};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return socket;
}

// A FIFO whose reader is not there is an error, not a wait.
Descriptor open_file(const std::string& path) {
  return Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
}

}  // namespace

AccessLog::AccessLog(event::Loop& loop, event::Timers& timers, Log& log, const WallClock& clock)
    : log_(log), clock_(clock), lines_(loop, timers) {}

void AccessLog::apply(const AccessLogConfig& config) {
  const bool same_target = config.target == config_.target && (lines_.has_target() || config.target.empty());
  config_ = config;
  if (!same_target) open();
}

void AccessLog::reopen() {
  if (is_on()) open();
}

void AccessLog::open() {
  prefix_.clear();
  if (!is_on()) return lines_.set_target(Descriptor());
  if (config_.target == "stdout") return lines_.set_shared_target(STDOUT_FILENO);
  Descriptor target;
  if (is_syslog(config_.target)) {
    target = open_syslog(config_.target);
    prefix_ = '<' + std::to_string(kPriority) + ">hubgate[" + std::to_string(::getpid()) + "]: ";
  } else {
    target = open_file(config_.target);
  }
  if (!target.is_open()) {
    log_.error("access log cannot be opened", {{"target", config_.target}, {"error", std::strerror(errno)}});
  }
  lines_.set_target(std::move(target));
}

void AccessLog::write(AccessRecord record) {
  if (!is_on()) return;
  record.time = clock_.now();
  line_ = prefix_;
  if (config_.format == LogFormat::kJson) {
    append_json(line_, record);
  } else {
    append_text(line_, record);
  }
  lines_.write(line_);
  note_dropped();
}

// Once when it begins, and again only after all is well.
void AccessLog::note_dropped() {
  const bool drops = lines_.dropped() != dropped_before_;
  dropped_before_ = lines_.dropped();
  if (drops && !dropping_)
    log_.warn("access log drops records", {{"target", config_.target}, {"dropped", dropped_before_}});
  if (drops) dropping_ = true;
  if (!drops && lines_.buffered() <= line_.size() + 1) dropping_ = false;
}

}  // namespace hubgate::proxy
