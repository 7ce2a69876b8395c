#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/control/worker_messages.h"

namespace hubgate::proxy {

/// How the workers of one pool are started and what they are told.
struct WorkerSpec {
  std::vector<std::string> argv;
  std::string cwd;
  std::vector<std::string> env;
  control::WorkerLimits limits;
  control::Welcome welcome;  // without what belongs to one generation
  Duration ready_time = std::chrono::seconds(30);

  /// What would have to be equal for a running process to stay: command, directory, environment, application.
  std::string hash() const;
};

}  // namespace hubgate::proxy
