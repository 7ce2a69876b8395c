#include "proxy/pool/slot_runner.h"

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "common/base/digest.h"

namespace hubgate::proxy {

struct SlotRunner::Generation {
  std::unique_ptr<WorkerSlot> slot;
  Endpoint* endpoint = nullptr;
  ChildOutput output;
  ChildOutput errors;
  Descriptor pidfd;
  TimePoint started;
  bool replacing_started = false;  // its successor was asked for

  Generation(SlotServices& services, SlotProcess& process, const std::string& tag)
      : output(services.loop, std::move(process.output), tag, services.output),
        errors(services.loop, std::move(process.errors), tag, services.output),
        pidfd(std::move(process.pidfd)),
        started(services.timers.now()) {}
};

std::string WorkerSpec::hash() const {
  std::string text;
  const auto add = [&](const std::string& part) { text += std::to_string(part.size()) + ':' + part; };
  for (const std::string& part : argv) add(part);
  add("|");
  for (const std::string& part : env) add(part);
  add(cwd);
  const auto digest = sha256({as_bytes(text)});
  std::string hex;
  for (std::size_t i = 0; i < 8; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned>(digest[i]);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

SlotRunner::SlotRunner(SlotServices& services, Pool& pool, WorkerSpec spec, std::uint32_t slot,
                       std::uint32_t endpoint_id)
    : services_(services),
      pool_(pool),
      spec_(std::move(spec)),
      spec_hash_(spec_.hash()),
      slot_(slot),
      endpoint_id_(endpoint_id),
      back_off_(services.random),
      spawn_timer_(services.timers, [this] { spawn_if_wanted(); }) {}

SlotRunner::~SlotRunner() {
  for (auto& generation : generations_) services_.loop.dispose(std::move(generation->slot));
}

// ---- starting

void SlotRunner::start() {
  if (generations_.empty() && !spawning_ && !spawn_timer_.is_running()) request_spawn();
}

// The start time in seconds, and above every earlier one: two starts within a second must not look alike.
std::uint32_t SlotRunner::next_generation() {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(services_.clock.now().time_since_epoch()).count();
  last_generation_ = std::max(static_cast<std::uint32_t>(now), last_generation_ + 1);
  return last_generation_;
}

void SlotRunner::request_spawn() {
  if (stopping_ || spawning_) return;
  control::Spawn spawn;
  spawn.id = {pool_.name(), slot_, next_generation()};
  spawn.argv = spec_.argv;
  spawn.env = spec_.env;
  spawn.cwd = spec_.cwd;
  spawn.limits.links = true;
  spawn.spec_hash = spec_hash_;
  if (const auto asked = services_.keeper.spawn(spawn); !asked) {
    services_.log.error("worker cannot be started",
                        {{"pool", pool_.name()}, {"slot", slot_}, {"error", asked.error().what}});
    return spawn_later(Duration::zero());
  }
  spawning_ = spawn.id.generation;
}

void SlotRunner::spawn_later(Duration life) {
  if (stopping_) return;
  const bool was_broken = back_off_.is_broken();
  const Duration wait = back_off_.after_end(services_.timers.now(), life);
  if (back_off_.is_broken() && !was_broken) {
    services_.log.error("worker keeps ending", {{"pool", pool_.name()}, {"slot", slot_}});
  }
  spawn_timer_.start(wait);
}

// At most two generations: an old one that drains, and one that serves.
void SlotRunner::spawn_if_wanted() {
  if (stopping_ || spawning_ || generations_.size() >= 2) return;
  const bool serves =
      std::any_of(generations_.begin(), generations_.end(), [](const auto& one) { return !one->slot->is_draining(); });
  if (!serves) request_spawn();
}

void SlotRunner::adopt(SlotProcess process) {
  const std::uint32_t generation = process.id.generation;
  const bool asked_for = spawning_ == generation;
  if (asked_for) spawning_.reset();
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
  const std::string tag = pool_.name() + '/' + std::to_string(slot_);
  services_.log.info(asked_for ? "worker started" : "worker taken over",
                     {{"worker", tag}, {"pid", process.pid}, {"generation", generation}});

  auto added = std::make_unique<Generation>(services_, process, tag);
  added->slot = std::make_unique<WorkerSlot>(services_.loop, services_.timers, services_.log, services_.keeper,
                                             std::move(welcome),
                                             WorkerSlot::Links{std::move(process.control), std::move(process.handover)},
                                             process.pid, spec_.ready_time, static_cast<WorkerSlot::Handler&>(*this));
  // A slow start spares one that comes back among full ones; not the first of all, nor one that replaces another.
  const bool slow_start = asked_for && restarts_ > 0 && !replaces_;
  replaces_ = false;
  WorkerSlot& slot = *added->slot;
  added->endpoint = &pool_.add({.name = tag, .key = key, .slow_start = slow_start}, slot);
  generations_.push_back(std::move(added));
  if (stopping_) services_.keeper.signal(slot.id(), SIGTERM);
  if (process.spec_hash != spec_hash_) {
    // Started by an earlier proxy in another way than is wanted now: replaced, as in a rolling restart.
    slot.drain({spec_.limits.drain_time, 2 * spec_.limits.drain_time, true});
  }
}

void SlotRunner::on_spawn_failed(const control::SpawnFailed& failed) {
  if (spawning_ != failed.id.generation) return;
  spawning_.reset();
  services_.log.error("worker does not start", {{"pool", pool_.name()},
                                                {"slot", slot_},
                                                {"command", spec_.argv.empty() ? "" : spec_.argv.front()},
                                                {"step", failed.step},
                                                {"error", std::strerror(failed.error)}});
  spawn_later(Duration::zero());
  if (services_.on_change) services_.on_change();
}

// ---- what happens to a generation

SlotRunner::Generation* SlotRunner::find(const WorkerSlot& slot) {
  for (auto& generation : generations_) {
    if (generation->slot.get() == &slot) return generation.get();
  }
  return nullptr;
}

void SlotRunner::on_slot_ready(WorkerSlot& slot) {
  std::vector<std::string> paths;
  for (const control::Path& path : slot.paths()) paths.push_back(path.path);
  services_.hub_paths.set(pool_.name(), paths);
  services_.log.info("worker ready", {{"worker", slot.name()}, {"pid", slot.pid()}, {"paths", paths.size()}});
  if (Generation* generation = find(slot)) generation->endpoint->on_ready();
  if (services_.on_change) services_.on_change();
}

void SlotRunner::on_slot_load(WorkerSlot& slot) {
  if (Generation* generation = find(slot)) generation->endpoint->on_load_read();
}

void SlotRunner::on_slot_changed(WorkerSlot&) { pool_.changed(); }

void SlotRunner::on_slot_draining(WorkerSlot& slot, bool draining) {
  Generation* generation = find(slot);
  if (generation == nullptr) return;  // still being made
  generation->endpoint->set_draining(draining);
  services_.log.info(draining ? "worker drains" : "worker drains no more",
                     {{"worker", slot.name()}, {"pid", slot.pid()}});
  if (draining && !stopping_ && !generation->replacing_started) {
    // Someone ended it in order: the next one need not wait.
    generation->replacing_started = true;
    replaces_ = true;
    spawn_if_wanted();
  }
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
    services_.log.info("worker ended", {{"worker", generation->slot->name()},
                                        {"pid", exited.pid},
                                        {"generation", exited.id.generation},
                                        {"exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1},
                                        {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0},
                                        {"core", WIFSIGNALED(status) && WCOREDUMP(status)}});
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
  const bool successor_exists = gone->replacing_started;
  services_.affinity.remove(gone->endpoint->key());
  pool_.remove(*gone->endpoint);
  services_.loop.dispose(std::move(gone->slot));
  const Duration life = services_.timers.now() - gone->started;
  services_.loop.dispose_value(std::move(gone));
  if (!stopping_) {
    ++restarts_;
    if (successor_exists) {
      spawn_if_wanted();  // two may have drained at once: then there was no room before
    } else {
      spawn_later(life);
    }
  }
  if (services_.on_change) services_.on_change();
}

// ---- what the proxy tells all

void SlotRunner::update(const WorkerSpec& spec) {
  spec_.limits = spec.limits;
  spec_.welcome = spec.welcome;
  spec_.ready_time = spec.ready_time;
  for (auto& generation : generations_) {
    control::Welcome welcome = generation->slot->welcome();
    welcome.log_level = spec_.welcome.log_level;
    welcome.limits = spec_.limits;
    generation->slot->update(std::move(welcome));
  }
}

void SlotRunner::stop(Duration spread, Duration hard) {
  stopping_ = true;
  spawn_timer_.cancel();
  const control::Drain drain{std::chrono::duration_cast<std::chrono::milliseconds>(spread),
                             std::chrono::duration_cast<std::chrono::milliseconds>(hard), true};
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

bool SlotRunner::is_alive() const {
  return std::any_of(generations_.begin(), generations_.end(),
                     [](const auto& one) { return is_process_alive(one->pidfd); });
}

void SlotRunner::close_links() {
  for (auto& generation : generations_) generation->slot->retire();
}

bool SlotRunner::is_ready() const {
  return std::any_of(generations_.begin(), generations_.end(),
                     [](const auto& one) { return one->slot->is_ready() && !one->slot->is_draining(); });
}

bool SlotRunner::has_answered() const {
  return std::all_of(generations_.begin(), generations_.end(),
                     [](const auto& one) { return one->slot->has_answered(); });
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

}  // namespace hubgate::proxy
