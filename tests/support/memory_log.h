#pragma once

#include <string>
#include <vector>

#include "common/base/log.h"

namespace hubgate::test {

/// A Log that keeps its lines.
class MemoryLog {
 public:
  explicit MemoryLog(LogLevel level = LogLevel::kTrace)
      : log_([this](LogLevel, std::string_view line) { lines_.emplace_back(line); }, level) {}

  Log& operator*() { return log_; }
  Log* operator->() { return &log_; }
  const std::vector<std::string>& lines() const { return lines_; }
  bool contains(std::string_view text) const {
    for (const std::string& line : lines_) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

 private:
  std::vector<std::string> lines_;
  Log log_;
};

}  // namespace hubgate::test
