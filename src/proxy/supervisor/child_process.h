#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/descriptor.h"

namespace hubgate::supervisor {

/// How a child is to be started. Executed without a shell.
struct ChildSpec {
  std::vector<std::string> argv;  // [0] is a path, or looked up in PATH
  std::vector<std::string> env;   // "NAME=value", added to our own
  std::string cwd;                // empty: ours
  std::uint64_t open_files = 0;   // RLIMIT_NOFILE; 0: ours
  /// Links that it gets, by name; its descriptors 3, 4, … in this order, named in HUBGATE_LINKS. Not owned.
  std::vector<std::pair<std::string, int>> links;
  bool pipes = true;         // stdout and stderr are pipes of 1 MiB; false: ours
  bool dies_with_us = true;  // SIGTERM when this thread ends
};

struct Child {
  pid_t pid = -1;
  Descriptor pidfd;
  Descriptor output;  // our ends of the pipes, if any
  Descriptor errors;
};

/// Which step of a start failed, and why.
struct SpawnError {
  std::string step;
  int error = 0;  // errno
};

/// Forks and executes: own process group, stdin from /dev/null, no descriptor but 0-2 and the links, default signal
/// handling. Returns when the program runs or could not be run. From the process's only thread: PDEATHSIG belongs to
/// the parent thread.
std::variant<Child, SpawnError> spawn_child(const ChildSpec& spec);

}  // namespace hubgate::supervisor
