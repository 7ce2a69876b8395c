#include "tests/integration/process_facts.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/integration/gateway.h"

namespace hubgate::test {

std::size_t descriptors_of(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator folder("/proc/" + std::to_string(pid) + "/fd", error);
  return error ? 0 : static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
}

std::size_t settled_descriptors_of(const std::vector<pid_t>& pids) {
  constexpr int kSame = 20;  // looks in a row
  std::size_t last = 0;
  int same = 0;
  wait_for("a settled count of descriptors", [&] {
    std::size_t now = 0;
    for (const pid_t pid : pids) now += descriptors_of(pid);
    same = now == last ? same + 1 : 0;
    last = now;
    return same == kSame;
  });
  return last;
}

long anonymous_memory_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stol(line.substr(8));
  }
  return -1;
}

}  // namespace hubgate::test
