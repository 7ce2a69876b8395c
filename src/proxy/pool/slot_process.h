#pragma once

#include <cstdint>
#include <string>

#include "common/base/descriptor.h"
#include "common/control/keeper_messages.h"

namespace hubgate::proxy {

/// A process that the supervisor runs for us, as it told us: just spawned, or found in the inventory.
struct SlotProcess {
  control::SlotId id;
  std::int64_t pid = 0;
  std::string spec_hash;
  Descriptor control;  // empty for other programs than workers
  Descriptor handover;
  Descriptor output;  // the read ends of its stdout and stderr
  Descriptor errors;
  Descriptor pidfd;  // for the case that the supervisor dies
};

/// By our own descriptors, for when the supervisor has died. Nothing happens without one.
void signal_process(const Descriptor& pidfd, int signal);
/// False also without a descriptor.
bool is_process_alive(const Descriptor& pidfd);

}  // namespace hubgate::proxy
