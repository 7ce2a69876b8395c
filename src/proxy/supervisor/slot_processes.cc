#include "proxy/supervisor/slot_processes.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace hubgate::supervisor {
namespace {

struct Link {
  Descriptor proxy;
  Descriptor worker;
};

bool make_link(Link& link) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return false;
  link.proxy.reset(ends[0]);
  link.worker.reset(ends[1]);
  return true;
}

}  // namespace

std::variant<const SlotProcesses::Process*, SpawnError> SlotProcesses::spawn(const control::Spawn& request) {
  if (processes_.contains(request.id)) return SpawnError{"slot", EEXIST};
  ChildSpec spec;
  spec.argv = request.argv;
  spec.env = request.env;
  spec.cwd = request.cwd;
  spec.open_files = request.limits.open_files;
  Link control;
  Link handover;
  if (request.limits.links) {
    if (!make_link(control) || !make_link(handover)) return SpawnError{"socketpair", errno};
    spec.links = {{"control", control.worker.get()}, {"handover", handover.worker.get()}};
  }
  auto started = spawn_child(spec);
  if (auto* error = std::get_if<SpawnError>(&started)) return std::move(*error);
  auto& child = std::get<Child>(started);
  Process process;
  process.pid = child.pid;
  process.spec_hash = request.spec_hash;
  auto& kept = process.descriptors;
  if (request.limits.links) {
    kept.emplace_back(control::SlotRole::kControl, std::move(control.proxy));
    kept.emplace_back(control::SlotRole::kHandover, std::move(handover.proxy));
  }
  kept.emplace_back(control::SlotRole::kStdout, std::move(child.output));
  kept.emplace_back(control::SlotRole::kStderr, std::move(child.errors));
  kept.emplace_back(control::SlotRole::kPidfd, std::move(child.pidfd));
  // The worker's ends close here: one forgotten copy, and its death would show no end of the link.
  return &processes_.emplace(request.id, std::move(process)).first->second;
}

void SlotProcesses::signal(const control::SlotId& id, int signal) const {
  const auto place = processes_.find(id);
  if (place != processes_.end()) ::kill(place->second.pid, signal);  // not reaped yet, so the number is still its own
}

void SlotProcesses::signal_all(int signal) const {
  for (const auto& [id, process] : processes_) ::kill(process.pid, signal);
}

std::optional<control::SlotId> SlotProcesses::ended(pid_t pid) {
  const auto place =
      std::find_if(processes_.begin(), processes_.end(), [&](const auto& entry) { return entry.second.pid == pid; });
  if (place == processes_.end()) return std::nullopt;
  control::SlotId id = place->first;
  processes_.erase(place);
  return id;
}

void SlotProcesses::close_links() {
  for (auto& [id, process] : processes_) {
    std::erase_if(process.descriptors, [](const auto& one) {
      return one.first == control::SlotRole::kControl || one.first == control::SlotRole::kHandover;
    });
  }
}

}  // namespace hubgate::supervisor
