#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/descriptor.h"
#include "common/control/keeper_messages.h"
#include "proxy/supervisor/child_process.h"

namespace hubgate::supervisor {

/// The children that proxies have asked for, with a copy of everything a later proxy needs to take them over. Owned by
/// the Supervisor.
class SlotProcesses {
 public:
  struct Process {
    pid_t pid = -1;
    std::string spec_hash;
    /// The proxy's ends of the links, where there are any, its ends of the pipes, and the pidfd.
    std::vector<std::pair<control::SlotRole, Descriptor>> descriptors;
  };

  /// Starts one. An id that runs already fails with EEXIST.
  std::variant<const Process*, SpawnError> spawn(const control::Spawn& request);
  /// Nothing happens when it has ended already.
  void signal(const control::SlotId& id, int signal) const;
  void signal_all(int signal) const;
  /// The process was reaped: lets go of all copies. Nothing: it was none of ours.
  std::optional<control::SlotId> ended(pid_t pid);
  /// Our copies of the links' ends; workers see the end of control when the proxy has none either.
  void close_links();

  const std::map<control::SlotId, Process>& all() const { return processes_; }
  bool empty() const { return processes_.empty(); }

 private:
  std::map<control::SlotId, Process> processes_;
};

}  // namespace hubgate::supervisor
