#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "proxy/pool/slot_generation.h"
#include "proxy/pool/slot_runner.h"

// What others want of a slot, and what it says of itself.

namespace hubgate::proxy {

// ---- what is wanted

void SlotRunner::update(const WorkerSpec& spec) {
  spec_ = spec;
  std::string hash = spec_.hash();
  if (hash != spec_hash_) {  // what kept ending is not what is started now
    back_off_.reset();
    spawn_timer_.cancel();
  }
  spec_hash_ = std::move(hash);
  for (auto& generation : generations_) {
    control::Welcome welcome = generation->slot->welcome();
    welcome.log_level = spec_.welcome.log_level;
    welcome.limits = spec_.limits;
    generation->slot->update(std::move(welcome));
    generation->endpoint->set_outgoing(!is_wanted(*generation));
  }
  pursue();
}

void SlotRunner::outdate() {
  for (auto& generation : generations_) {
    generation->outdated = true;
    generation->endpoint->set_outgoing(true);
  }
  back_off_.reset();
  if (spawn_timer_.is_running()) {
    spawn_timer_.cancel();
    pursue();
  }
}

void SlotRunner::replace() {
  replacing_ = true;
  pursue();
}

void SlotRunner::hold(bool held) {
  held_ = held;
  for (auto& generation : generations_) {
    if (generation->leaving) continue;
    if (held) {
      hold_back(*generation);
    } else {
      generation->endpoint->set_draining(false);
      generation->slot->undrain();
    }
  }
}

void SlotRunner::hold_back(Generation& generation) {
  generation.endpoint->set_draining(true);
  generation.slot->drain(drain_order(false));
}

void SlotRunner::leave() {
  leaving_ = true;
  replacing_ = false;
  spawn_timer_.cancel();
  for (auto& generation : generations_) end(*generation);
}

void SlotRunner::stay() {
  leaving_ = false;
  if (!generations_.empty() && !stopping_) {
    Generation& newest = *generations_.back();
    if (newest.leaving && !newest.outdated && newest.spec_hash == spec_hash_ && newest.slot->is_ready()) {
      newest.leaving = false;
      newest.endpoint->set_draining(false);
      newest.slot->undrain();
      if (held_) hold_back(newest);
    }
  }
  pursue();
}

void SlotRunner::stop(Duration spread, Duration hard) {
  stopping_ = true;
  spawn_timer_.cancel();
  const control::Drain drain{.spread = std::chrono::duration_cast<std::chrono::milliseconds>(spread),
                             .hard = std::chrono::duration_cast<std::chrono::milliseconds>(hard),
                             .exit = true,
                             .stop = true};
  for (auto& generation : generations_) {
    if (generation->slot->state() == WorkerSlot::State::kStarting) {
      services_.keeper.signal(generation->slot->id(), SIGTERM);  // it has not begun to listen to its link
    } else {
      generation->slot->drain(drain);
    }
  }
}

void SlotRunner::stop_handing_over() {
  for (auto& generation : generations_) generation->slot->stop_handing_over();
}

void SlotRunner::signal_directly(int signal) {
  for (auto& generation : generations_) signal_process(generation->pidfd, signal);
}

void SlotRunner::close_links() {
  for (auto& generation : generations_) generation->slot->retire();
}

// ---- how it is

bool SlotRunner::is_ready() const {
  return std::any_of(generations_.begin(), generations_.end(),
                     [](const auto& one) { return one->slot->is_ready() && !one->leaving; });
}

bool SlotRunner::has_answered() const {
  return std::all_of(generations_.begin(), generations_.end(),
                     [](const auto& one) { return one->slot->has_answered(); });
}

bool SlotRunner::is_outdated() const {
  bool any = false;
  for (const auto& generation : generations_) {
    if (is_wanted(*generation)) return false;
    any = any || !generation->leaving;
  }
  return any;
}

bool SlotRunner::is_failed() const {
  return back_off_.is_broken() && std::none_of(generations_.begin(), generations_.end(), [this](const auto& one) {
           return is_wanted(*one) && one->slot->is_ready();
         });
}

bool SlotRunner::is_alive() const {
  return std::any_of(generations_.begin(), generations_.end(),
                     [](const auto& one) { return is_process_alive(one->pidfd); });
}

std::size_t SlotRunner::unsettled() const {
  std::size_t count = 0;
  for (const auto& generation : generations_) count += generation->slot->unsettled();
  return count;
}

std::vector<const WorkerSlot*> SlotRunner::living() const {
  std::vector<const WorkerSlot*> slots;
  for (const auto& generation : generations_) slots.push_back(generation->slot.get());
  return slots;
}

bool SlotRunner::is_leaving(const WorkerSlot& slot) const {
  const Generation* generation = find(slot);
  return generation != nullptr && generation->leaving;
}

bool SlotRunner::is_outdated(const WorkerSlot& slot) const {
  const Generation* generation = find(slot);
  return generation != nullptr && (generation->outdated || generation->spec_hash != spec_hash_);
}

}  // namespace hubgate::proxy
