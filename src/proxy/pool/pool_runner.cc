#include "proxy/pool/pool_runner.h"

#include <algorithm>
#include <utility>

namespace hubgate::proxy {

void PoolRunner::apply(const WorkerSpec& spec, std::uint32_t workers) {
  spec_ = spec;
  for (auto& slot : slots_) slot->update(spec_);
  for (auto& slot : slots_) {
    const bool wanted = slot->slot() < workers;
    if (wanted && slot->is_leaving()) {
      slot->stay();
    } else if (!wanted && !slot->is_leaving()) {
      services_.log.info("slot leaves", {{"worker", slot->name()}});
      slot->leave();
    }
  }
  for (std::uint32_t slot = 0; slot < workers; ++slot) {
    if (find(slot) == nullptr) add(slot);
  }
  rebalancer_.set_automatic(pool_.config().rebalance && workers > 1);
  if (needs_replacing()) begin_restart();
  advance();
}

SlotRunner& PoolRunner::add(std::uint32_t slot) {
  const std::uint32_t endpoint = endpoint_id_of_slot(services_.affinity.keys().node_id(), pool_.name(), slot);
  auto added = std::make_unique<SlotRunner>(services_, pool_, spec_, slot, endpoint);
  SlotRunner& runner = *added;
  const auto place = std::find_if(slots_.begin(), slots_.end(), [&](const auto& one) { return one->slot() > slot; });
  slots_.insert(place, std::move(added));
  if (started_) runner.start();
  return runner;
}

void PoolRunner::start() {
  if (std::exchange(started_, true)) return;
  for (auto& slot : slots_) slot->start();
}

void PoolRunner::adopt(SlotProcess process) {
  SlotRunner* slot = find(process.id.slot);
  if (slot == nullptr) {
    slot = &add(process.id.slot);
    slot->leave();
  }
  slot->adopt(std::move(process));
  if (needs_replacing()) begin_restart();
}

// ---- replacing

bool PoolRunner::needs_replacing() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const auto& one) { return !one->is_leaving() && one->is_outdated(); });
}

void PoolRunner::restart() {
  for (auto& slot : slots_) {
    if (!slot->is_leaving()) slot->outdate();
  }
  restarting_ = false;  // another one
  begin_restart();
  advance();
}

std::vector<Rebalancer::Surplus> PoolRunner::rebalance() {
  if (restarting_) return {};
  return rebalancer_.even_out(pool_.config().drain_time);
}

void PoolRunner::begin_restart() {
  if (std::exchange(restarting_, true)) return;
  ++restart_number_;
  services_.log.info("rolling restart", {{"pool", pool_.name()}, {"number", restart_number_}});
}

void PoolRunner::advance() {
  std::erase_if(slots_, [](const auto& one) { return one->is_leaving() && one->is_idle(); });
  if (!restarting_) return;
  SlotRunner* next = nullptr;
  for (auto& slot : slots_) {
    if (slot->is_leaving()) continue;
    if (slot->is_replacing()) return;
    if (next == nullptr && slot->is_outdated()) next = slot.get();
  }
  if (next != nullptr) return next->replace();
  restarting_ = false;
  services_.log.info("rolling restart is done", {{"pool", pool_.name()}, {"number", restart_number_}});
}

// ---- how it is

SlotRunner* PoolRunner::find(std::uint32_t slot) const {
  const auto place = std::find_if(slots_.begin(), slots_.end(), [&](const auto& one) { return one->slot() == slot; });
  return place == slots_.end() ? nullptr : place->get();
}

PoolRunner::Restart PoolRunner::restart_status() const {
  Restart status;
  status.number = restart_number_;
  status.under_way = restarting_;
  for (const auto& slot : slots_) {
    if (slot->is_leaving()) continue;
    ++status.slots;
    if (!slot->is_replacing()) {
      status.done += slot->is_outdated() ? 0U : 1U;
      continue;
    }
    status.slot = slot->name();
    status.failing = slot->is_failed();
    for (const WorkerSlot* worker : slot->living()) {
      if (!slot->is_leaving(*worker) && !slot->is_outdated(*worker)) continue;
      status.draining = status.draining || slot->is_leaving(*worker);
      status.left += worker->load().active;
    }
  }
  return status;
}

}  // namespace hubgate::proxy
