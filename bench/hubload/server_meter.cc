#include "hubload/server_meter.h"

#include <ctime>
#include <fstream>
#include <string>

namespace hubload {

double ServerMeter::cpu_seconds() const {
  double sum = 0;
  for (const pid_t pid : pids_) {
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0) {
      sum += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }
  }
  return sum;
}

std::uint64_t ServerMeter::anonymous_bytes() const {
  std::uint64_t sum = 0;
  for (const pid_t pid : pids_) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("RssAnon:", 0) == 0) sum += std::stoull(line.substr(8)) * 1024;
    }
  }
  return sum;
}

}  // namespace hubload
