#include "proxy/pool/slot_runner.h"

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "proxy/pool/slot_generation.h"

namespace hubgate::proxy {

SlotRunner::SlotRunner(SlotServices& services, Pool& pool, WorkerSpec spec, std::uint32_t slot,
                       std::uint32_t endpoint_id)
    : services_(services),
      pool_(pool),
      spec_(std::move(spec)),
      spec_hash_(spec_.hash()),
      slot_(slot),
      endpoint_id_(endpoint_id),
      back_off_(services.random),
      spawn_timer_(services.timers, [this] { pursue(); }) {}

SlotRunner::~SlotRunner() {
  for (auto& generation : generations_) services_.loop.dispose(std::move(generation->slot));
}

std::string SlotRunner::name() const { return pool_.name() + '/' + std::to_string(slot_); }

// ---- from what runs to what is wanted

void SlotRunner::pursue() {
  if (stopping_ || leaving_ || !started_) return;
  end_superseded();
  if (replacing_ && !spawning_ && generations_.size() == 1 && is_wanted(*generations_.front()) &&
      generations_.front()->slot->is_ready()) {
    replacing_ = false;
  }
  if (wants_another()) request_spawn();
}

bool SlotRunner::is_wanted(const Generation& generation) const {
  return !generation.leaving && !generation.outdated && generation.spec_hash == spec_hash_;
}

bool SlotRunner::wants_another() const {
  if (spawning_ || spawn_timer_.is_running() || generations_.size() >= 2) return false;
  if (std::any_of(generations_.begin(), generations_.end(), [this](const auto& one) { return is_wanted(*one); }))
    return false;
  return replacing_ ||
         std::all_of(generations_.begin(), generations_.end(), [](const auto& one) { return one->leaving; });
}

// One stays: of those that are ready the newest that is as wanted, or else the newest.
void SlotRunner::end_superseded() {
  std::size_t kept = generations_.size();
  for (std::size_t i = 0; i < generations_.size(); ++i) {
    const Generation& one = *generations_[i];
    if (one.leaving || !one.slot->is_ready()) continue;
    if (kept == generations_.size() || is_wanted(one) || !is_wanted(*generations_[kept])) kept = i;
  }
  if (kept < generations_.size()) {
    const bool is_good = is_wanted(*generations_[kept]);
    for (std::size_t i = 0; i < generations_.size(); ++i) {
      if (i < kept || (i > kept && is_good && !is_wanted(*generations_[i]))) end(*generations_[i]);
    }
  }
  // One that starts and is outdated already takes the place of the one that is wanted.
  Generation* newest = generations_.size() == 2 ? generations_.back().get() : nullptr;
  if (replacing_ && newest != nullptr && !is_wanted(*newest) && !newest->slot->has_answered()) end(*newest);
}

void SlotRunner::end(Generation& generation) {
  if (generation.leaving) return;
  generation.leaving = true;
  generation.endpoint->set_draining(true);
  if (generation.slot->state() == WorkerSlot::State::kStarting && !generation.inherited) {
    services_.keeper.signal(generation.slot->id(), SIGTERM);  // it has not begun to listen to its link
  } else {
    generation.slot->drain(drain_order(true));
  }
}

control::Drain SlotRunner::drain_order(bool exit) const {
  return {.spread = spec_.limits.drain_time, .hard = 2 * spec_.limits.drain_time, .exit = exit};
}

// ---- starting

void SlotRunner::start() {
  started_ = true;
  pursue();
}

// The start time in seconds, and above every earlier one: two starts within a second must not look alike.
std::uint32_t SlotRunner::next_generation() {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(services_.clock.now().time_since_epoch()).count();
  last_generation_ = std::max(static_cast<std::uint32_t>(now), last_generation_ + 1);
  return last_generation_;
}

void SlotRunner::request_spawn() {
  control::Spawn spawn;
  spawn.id = {pool_.name(), slot_, next_generation()};
  spawn.argv = spec_.argv;
  spawn.env = spec_.env;
  spawn.cwd = spec_.cwd;
  spawn.limits.links = true;
  spawn.spec_hash = spec_hash_;
  if (const auto asked = services_.keeper.spawn(spawn); !asked) {
    services_.log.error("worker cannot be started", {{"worker", name()}, {"error", asked.error().what}});
    return spawn_later(Duration::zero());
  }
  // A slow start spares one that comes back among full ones; not the first of all, nor one that replaces another.
  slow_start_ = has_run_ && generations_.empty();
  if (std::exchange(has_run_, true)) ++restarts_;
  spawning_ = spawn.id.generation;
}

void SlotRunner::spawn_later(Duration life) {
  if (stopping_ || leaving_) return;
  const bool was_broken = back_off_.is_broken();
  const Duration wait = back_off_.after_end(services_.timers.now(), life);
  if (back_off_.is_broken() && !was_broken) {
    services_.log.error("worker keeps ending", {{"worker", name()}, {"restarts", restarts_}});
  }
  spawn_timer_.start(wait);
}

void SlotRunner::adopt(SlotProcess process) {
  const std::uint32_t generation = process.id.generation;
  const bool asked_for = spawning_ == generation;
  if (asked_for) spawning_.reset();
  has_run_ = true;
  last_generation_ = std::max(last_generation_, generation);
  const EndpointKey key{endpoint_id_, generation};
  control::Welcome welcome = spec_.welcome;
  welcome.epoch = services_.epoch;
  welcome.pool = pool_.name();
  welcome.slot = slot_;
  welcome.generation = generation;
  welcome.endpoint = endpoint_id_;
  welcome.tag = services_.affinity.add(key);
  welcome.limits = spec_.limits;
  services_.log.info(asked_for ? "worker started" : "worker taken over",
                     {{"worker", name()}, {"pid", process.pid}, {"generation", generation}});

  auto added = std::make_unique<Generation>(services_, process, name() + " " + std::to_string(process.pid), !asked_for);
  added->slot = std::make_unique<WorkerSlot>(services_.loop, services_.timers, services_.log, services_.keeper,
                                             std::move(welcome),
                                             WorkerSlot::Links{std::move(process.control), std::move(process.handover)},
                                             process.pid, spec_.ready_time, static_cast<WorkerSlot::Handler&>(*this));
  Generation& one = *added;
  one.endpoint = &pool_.add({.name = name(), .key = key, .slow_start = asked_for && slow_start_}, *one.slot);
  one.endpoint->set_outgoing(!is_wanted(one));
  generations_.push_back(std::move(added));
  if (stopping_) {
    services_.keeper.signal(one.slot->id(), SIGTERM);
  } else if (leaving_) {
    end(one);
  } else {
    pursue();
  }
}

void SlotRunner::on_spawn_failed(const control::SpawnFailed& failed) {
  if (spawning_ != failed.id.generation) return;
  spawning_.reset();
  ++ends_["not_started"];
  services_.log.error("worker does not start", {{"worker", name()},
                                                {"command", spec_.argv.empty() ? "" : spec_.argv.front()},
                                                {"step", failed.step},
                                                {"error", std::strerror(failed.error)}});
  spawn_later(Duration::zero());
  if (services_.on_change) services_.on_change();
}

// ---- what happens to a generation

SlotRunner::Generation* SlotRunner::find(const WorkerSlot& slot) const {
  for (const auto& generation : generations_) {
    if (generation->slot.get() == &slot) return generation.get();
  }
  return nullptr;
}

void SlotRunner::on_slot_ready(WorkerSlot& slot) {
  std::vector<std::string> paths;
  for (const control::Path& path : slot.paths()) paths.push_back(path.path);
  services_.hub_paths.set(pool_.name(), paths);
  Generation* generation = find(slot);
  if (generation == nullptr) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(services_.timers.now() - generation->started);
  services_.log.info("worker ready", {{"worker", slot.name()},
                                      {"pid", slot.pid()},
                                      {"generation", slot.welcome().generation},
                                      {"paths", paths.size()},
                                      {"took_ms", took.count()}});
  generation->endpoint->on_ready();
  if (held_ && !generation->leaving && !slot.is_draining()) hold_back(*generation);
  pursue();
  if (services_.on_change) services_.on_change();
}

void SlotRunner::on_slot_load(WorkerSlot& slot) {
  if (Generation* generation = find(slot)) generation->endpoint->on_load_read();
}

void SlotRunner::on_slot_changed(WorkerSlot&) { pool_.changed(); }

void SlotRunner::on_slot_draining(WorkerSlot& slot, bool draining) {
  Generation* generation = find(slot);
  if (generation == nullptr) return;  // still being made
  generation->leaving = draining && slot.is_leaving();
  // It stays: an operator had said so, perhaps to the proxy before us.
  if (draining && !generation->leaving) held_ = true;
  generation->endpoint->set_draining(draining);
  services_.log.info(draining ? "worker drains" : "worker drains no more", {{"worker", slot.name()},
                                                                            {"pid", slot.pid()},
                                                                            {"generation", slot.welcome().generation},
                                                                            {"leaves", generation->leaving}});
  pursue();
  if (services_.on_change) services_.on_change();
}

void SlotRunner::on_slot_closed(WorkerSlot& slot, const std::vector<control::ClosedRecord>& records) {
  if (services_.on_closed) services_.on_closed(slot, records);
  if (!services_.log.logs(LogLevel::kDebug)) return;
  for (const control::ClosedRecord& record : records) {
    services_.log.debug("connection closed", {{"worker", slot.name()},
                                              {"generation", slot.welcome().generation},
                                              {"request", record.request_id},
                                              {"client", record.address},
                                              {"path", record.path},
                                              {"reason", record.reason},
                                              {"by", static_cast<unsigned>(record.by)},
                                              {"code", record.code},
                                              {"bytes_in", record.bytes_in},
                                              {"bytes_out", record.bytes_out},
                                              {"frames_in", record.frames_in},
                                              {"frames_out", record.frames_out}});
  }
}

void SlotRunner::on_exited(const control::Exited& exited) {
  for (auto& generation : generations_) {
    if (generation->slot->id() != exited.id) continue;
    generation->output.read_to_end();
    generation->errors.read_to_end();
    const int status = exited.status;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    const std::string_view why = generation->slot->ended_because();
    services_.log.info("worker ended", {{"worker", generation->slot->name()},
                                        {"pid", exited.pid},
                                        {"generation", exited.id.generation},
                                        {"exit", code},
                                        {"signal", signal},
                                        {"core", WIFSIGNALED(status) && WCOREDUMP(status)},
                                        {"drained", generation->leaving},
                                        {"why", why}});
    ++ends_[!why.empty() ? "hung" : signal != 0 ? "signal_" + std::to_string(signal) : "exit_" + std::to_string(code)];
    return generation->slot->exited();
  }
}

void SlotRunner::on_slot_gone(WorkerSlot& slot) {
  const auto place =
      std::find_if(generations_.begin(), generations_.end(), [&](const auto& one) { return one->slot.get() == &slot; });
  if (place == generations_.end()) return;
  if (services_.on_gone) services_.on_gone(slot);
  std::unique_ptr<Generation> gone = std::move(*place);
  generations_.erase(place);
  const bool in_order = gone->leaving;
  const Duration life = services_.timers.now() - gone->started;
  services_.affinity.remove(gone->endpoint->key());
  pool_.remove(*gone->endpoint);
  services_.loop.dispose(std::move(gone->slot));
  services_.loop.dispose_value(std::move(gone));
  // Even when another serves: a successor that keeps dying must not be started in a tight circle.
  if (!in_order) spawn_later(life);
  pursue();
  if (services_.on_change) services_.on_change();
}

}  // namespace hubgate::proxy
