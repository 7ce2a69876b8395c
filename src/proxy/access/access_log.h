#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/event/line_writer.h"
#include "proxy/access/access_record.h"
#include "proxy/config/proxy_config.h"

namespace hubgate::proxy {

/// Writes access records to a file, standard output or syslog, as `[access_log]` says. Never waits: what the target
/// does not take is dropped and counted. Owned by the Proxy; the loop's thread.
class AccessLog {
 public:
  AccessLog(event::Loop& loop, event::Timers& timers, Log& log, const WallClock& clock);

  /// Takes over new values; an unchanged target stays open. A target that cannot be opened is logged, and its records
  /// are counted as dropped until it can, by reopen() or another apply().
  void apply(const AccessLogConfig& config);
  /// Opens the target anew: its file may have been moved away.
  void reopen();

  /// False: records are not wanted, so they need not be made.
  bool is_on() const { return !config_.target.empty(); }
  /// `record.time` is filled in.
  void write(AccessRecord record);
  std::chrono::system_clock::time_point now() const { return clock_.now(); }

  std::uint64_t written() const { return lines_.written(); }
  std::uint64_t dropped() const { return lines_.dropped(); }
  /// Writes what can be written now; before the process ends.
  void flush() { lines_.flush_now(); }

  static constexpr char kSyslogSocket[] = "/dev/log";
  static constexpr std::size_t kMostLine = 8 * 1024;  // bytes

 private:
  void open();
  void note_dropped();

  Log& log_;
  const WallClock& clock_;
  AccessLogConfig config_;
  event::LineWriter lines_;
  std::string line_;    // reused
  std::string prefix_;  // of syslog datagrams
  std::uint64_t dropped_before_ = 0;
  bool dropping_ = false;  // said so already
};

}  // namespace hubgate::proxy
