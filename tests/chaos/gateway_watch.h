#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/facts.h"
#include "tests/chaos/log_line.h"
#include "tests/chaos/run_clock.h"

namespace hubgate::chaos {

/// Reads the gateway's log as it grows and writes what it says of workers, their Redis and the proxy into the facts.
/// The log and not the status: it can be read while the proxy stands still, and names the time at which something was
/// so.
class GatewayWatch {
 public:
  GatewayWatch(std::string log_file, const RunClock& clock, Facts& facts)
      : file_(std::move(log_file)), clock_(clock), facts_(facts) {}

  /// Takes in what has been written since the last call.
  void look();
  /// One line, without its newline.
  void take(std::string_view line);

  /// Those that have not ended, as far as the log knows, in the order of names and starts.
  std::vector<Worker*> living_workers();
  /// The newest that was seen; 0 before the first.
  pid_t proxy() const { return proxy_; }
  pid_t redis() const { return redis_; }
  const std::string& redis_socket() const { return redis_socket_; }
  /// How often each event was logged.
  const std::map<std::string, int, std::less<>>& events() const { return events_; }

 private:
  void take_worker_line(const LogLine& line);
  Worker* find(long long pid);
  Instant time_of(const LogLine& line) const { return clock_.since(line.time); }
  void drains(Worker& worker, Instant at);

  std::string file_;
  const RunClock& clock_;
  Facts& facts_;
  std::size_t read_ = 0;  // bytes of the file
  std::string partial_;
  struct Start {
    std::string name;
    int pid = 0;
    Instant at{};
  };
  std::map<std::pair<std::string, long long>, Start> starts_;  // by name and generation, until the endpoint's id comes
  std::map<long long, WorkerKey> by_pid_;
  pid_t proxy_ = 0;
  pid_t redis_ = 0;
  std::string redis_socket_;
  std::map<std::string, int, std::less<>> events_;
};

}  // namespace hubgate::chaos
