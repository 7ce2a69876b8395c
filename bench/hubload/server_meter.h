#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace hubload {

/// CPU time and memory of the server's processes, as the kernel accounts them.
class ServerMeter {
 public:
  explicit ServerMeter(std::vector<pid_t> pids) : pids_(std::move(pids)) {}

  /// CPU seconds of all processes since they started.
  double cpu_seconds() const;
  /// RssAnon of all processes: private memory that user code asked for, in bytes.
  std::uint64_t anonymous_bytes() const;

 private:
  std::vector<pid_t> pids_;
};

}  // namespace hubload
