#pragma once

#include <memory>
#include <string>
#include <utility>

#include "proxy/pool/slot_runner.h"

namespace hubgate::proxy {

/// One process of a slot with all that belongs to it. For the two slot_runner*.cc only.
struct SlotRunner::Generation {
  std::unique_ptr<WorkerSlot> slot;
  Endpoint* endpoint = nullptr;
  ChildOutput output;
  ChildOutput errors;
  Descriptor pidfd;
  TimePoint started;
  std::string spec_hash;
  bool inherited;         // from the proxy before us
  bool outdated = false;  // whatever its hash
  bool leaving = false;   // it drains and ends, by our word or another's

  Generation(SlotServices& services, SlotProcess& process, const std::string& tag, bool is_inherited)
      : output(services.loop, std::move(process.output), tag, services.output),
        errors(services.loop, std::move(process.errors), tag, services.output),
        pidfd(std::move(process.pidfd)),
        started(services.timers.now()),
        spec_hash(std::move(process.spec_hash)),
        inherited(is_inherited) {}
};

}  // namespace hubgate::proxy
