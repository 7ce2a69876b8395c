#include "proxy/proxy.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>
#include <variant>

#include "proxy/proxy_door.h"
#include "proxy/run_directories.h"

namespace hubgate::proxy {
namespace {

std::uint64_t new_epoch(Random& random) {
  std::uint64_t epoch = 0;
  while (epoch == 0) epoch = random.next();
  return epoch;
}

void print_lines(int fd, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const std::string whole = line + '\n';
    if (::write(fd, whole.data(), whole.size()) < 0) return;
  }
}

// A bare name stands beside this program first, then in PATH (which the supervisor looks through).
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return name;
  const std::string beside = self.parent_path() / name;
  return ::access(beside.c_str(), X_OK) == 0 ? beside : name;
}

std::string url_of(const net::Address& address, bool tls) {
  if (address.is_unix()) return address.to_string();
  return (tls ? "https://" : "http://") + address.to_string();
}

}  // namespace

Proxy::Proxy(event::Loop& loop, Log& log, const event::LineWriter& log_lines, OutputSink output, ConfigSource source,
             Descriptor keeper)
    : loop_(loop),
      log_(log),
      log_lines_(log_lines),
      output_(std::move(output)),
      source_(std::move(source)),
      epoch_(new_epoch(random_)),
      keeper_(loop, std::move(keeper), epoch_, static_cast<KeeperLink::Handler&>(*this)),
      signals_(loop, {SIGTERM, SIGINT, SIGHUP}, [this](int signal) { on_signal(signal); }),
      started_at_(loop.now()),
      supervisor_(::getppid()),
      access_log_(loop, loop, log, clock_),
      handed_over_(access_log_),
      accept_timer_(loop, [this] { accept_now(); }),
      end_timer_(loop,
                 [this] {
                   if (orphaned_) return end_orphans();
                   if (leaving_) return finish(0);
                   log_.error("workers do not end, they are killed");
                   if (workers_) workers_->signal_directly(SIGKILL);
                 }),
      last_words_(loop, [this] { stop_when_idle(); }),
      poll_timer_(loop, [this] { orphaned_ ? end_orphans() : leave_when_settled(); }) {}

Proxy::~Proxy() = default;

int Proxy::run() {
  ::signal(SIGPIPE, SIG_IGN);
  if (!finished_) loop_.run();
  // What still lives ends while all that it refers to is here.
  for (auto& [key, session] : sessions_) loop_.dispose(std::move(session));
  sessions_.clear();
  if (admin_) admin_->close();
  doors_.clear();
  leaving_doors_.clear();
  loop_.turn(false);
  access_log_.flush();
  return exit_code_;
}

void Proxy::finish(int exit_code) {
  finished_ = true;
  exit_code_ = exit_code;
  loop_.stop();
}

// ---- the beginning

void Proxy::on_inventory(Inventory inventory) {
  auto started = start_up(source_, inventory, keeper_, log_);
  if (const auto* failure = std::get_if<StartFailure>(&started)) {
    print_lines(STDERR_FILENO, failure->lines);
    return finish(failure->exit_code);
  }
  if (!begin(std::get<Started>(std::move(started)), std::move(inventory))) finish(78);
}

bool Proxy::begin(Started started, Inventory inventory) {
  const ProxyConfig& config = started.snapshot->config;
  auto keys = AffinityKeys::load_or_make(config.state_dir, random_);
  if (!keys) {
    print_lines(STDERR_FILENO, {"hubgate: error: " + keys.error().what});
    return false;
  }
  log_.set_level(config.log_level);
  access_log_.apply(config.access_log);
  affinity_ = std::make_unique<AffinityTable>(*std::move(keys));
  pools_ = std::make_unique<PoolRegistry>(loop_, loop_, log_);
  pools_->apply(config);
  remotes_ = std::make_unique<RemoteRegistry>(loop_, loop_, log_, random_, *pools_, *affinity_);
  remotes_->apply();
  slot_services_.emplace(SlotServices{
      .loop = loop_,
      .timers = loop_,
      .log = log_,
      .random = random_,
      .clock = clock_,
      .keeper = keeper_,
      .affinity = *affinity_,
      .hub_paths = hub_paths_,
      .output = output_,
      .epoch = epoch_,
      .on_change = [this] { on_change(); },
      .on_closed = [this](const WorkerSlot& worker, const auto& reports) { on_worker_closed(worker, reports); },
      .on_gone =
          [this](const WorkerSlot& worker) {
            handed_over_.died({worker.welcome().endpoint, worker.welcome().generation}, worker.handed_over());
          }});
  if (!make_redis(config)) return false;
  workers_.emplace(*slot_services_, *pools_,
                   [this](const ProxyConfig& all, const PoolConfig& pool) { return worker_spec(all, pool); });
  workers_->apply(config);

  put_in_force(started.snapshot);
  config_text_ = std::move(started.text);
  kept_config_ = started.kept_config;
  last_reload_errors_ = std::move(started.config_errors);
  watch_config();
  handshakes_.emplace(loop_, snapshot_->config.limits.tls_handshakes, [this] { update_accepting(); });
  services_.emplace(SessionServices{.loop = loop_,
                                    .timers = loop_,
                                    .log = log_,
                                    .random = random_,
                                    .pools = *pools_,
                                    .affinity = *affinity_,
                                    .hub_paths = hub_paths_,
                                    .snapshot = snapshot_,
                                    .metrics = metrics_,
                                    .sources = sources_,
                                    .access_log = access_log_,
                                    .handed_over = handed_over_,
                                    .handshakes = &*handshakes_});
  open_doors(std::move(started.listeners));
  admin_ = std::make_unique<AdminServer>(loop_, log_, static_cast<AdminHost&>(*this));
  admin_->listen(std::move(started.admin));
  admin_->listen_for_verbs(std::move(started.admin_verbs));
  announced_ = inventory.kept.contains(control::kAnnouncedName);

  adopt(std::move(inventory.slots));
  keeper_.ready();
  log_.info("proxy works", {{"pid", ::getpid()}, {"first", started.first}, {"config", source_.file}});
  // Workers that live get time to answer, so that a token of theirs finds them.
  accept_timer_.start(kAnswerTime);
  if (redis_) redis_->start();
  start_workers();
  on_change();
  return true;
}

void Proxy::put_in_force(SnapshotPointer snapshot) {
  std::erase_if(revisions_, [](const auto& one) { return one.expired(); });
  revisions_.push_back(snapshot);
  // The next proxy counts on from here.
  if (const auto file = text_to_keep(std::to_string(snapshot->revision))) keeper_.keep(kRevisionName, file->get());
  snapshot_ = std::move(snapshot);
}

bool Proxy::make_redis(const ProxyConfig& config) {
  if (!config.has_managed_redis()) return true;
  ManagedRedis::Settings settings{config.runtime_dir, supervisor_, std::nullopt};
  if (!config.redis_group.empty()) {
    const auto group = find_group(config.redis_group);
    if (!group) {
      print_lines(STDERR_FILENO, {"hubgate: error: redis_group: " + group.error().what});
      return false;
    }
    settings.group = *group;
  }
  redis_ = std::make_unique<ManagedRedis>(loop_, loop_, log_, random_, clock_, keeper_, output_, std::move(settings),
                                          [this] { on_change(); });
  if (const auto prepared = redis_->prepare(); !prepared) {
    print_lines(STDERR_FILENO, {"hubgate: error: " + prepared.error().what});
    return false;
  }
  return true;
}

WorkerSpec Proxy::worker_spec(const ProxyConfig& config, const PoolConfig& pool) const {
  WorkerSpec spec;
  spec.argv = pool.command;
  spec.argv.front() = find_program(spec.argv.front());
  spec.limits.drain_time = pool.drain_time;
  spec.limits.max_message_size = config.limits.max_message_size;
  spec.limits.application_max_buffer_size = config.limits.application_max_buffer_size;
  spec.limits.max_pending_bytes = config.limits.max_pending_bytes;
  spec.limits.send_time = config.limits.send_time;
  spec.limits.redis_queue_size = config.limits.redis_queue_size;
  spec.welcome.application = pool.application.empty() ? pool.name : pool.application;
  if (redis_) {
    spec.welcome.redis = redis_->address();
  } else if (config.has_redis()) {
    spec.welcome.redis = config.redis.reveal();
  }
  spec.welcome.channel_prefix = config.backplane.prefix;
  spec.welcome.scoped_sends = config.backplane.scoped_sends;
  for (const Secret& key : config.rest.keys) spec.welcome.rest_keys.push_back(key.reveal());
  spec.welcome.log_level = to_string(config.log_level);
  spec.ready_time = config.limits.worker_ready_time;
  return spec;
}

void Proxy::adopt(std::vector<SlotProcess> processes) {
  for (SlotProcess& process : processes) on_spawned(std::move(process));
}

void Proxy::on_spawned(SlotProcess process) {
  if (process.id.pool == ManagedRedis::kPool && redis_) return redis_->adopt(std::move(process));
  const control::SlotId id = process.id;
  const std::int64_t pid = process.pid;
  if (workers_->adopt(std::move(process))) return;
  // Of a pool that the configuration has no more: it drains by itself.
  log_.info("process of no pool is ended", {{"pool", id.pool}, {"slot", id.slot}, {"pid", pid}});
  keeper_.signal(id, SIGTERM);
}

void Proxy::on_spawn_failed(const control::SpawnFailed& failed) {
  if (failed.id.pool == ManagedRedis::kPool && redis_) return redis_->on_spawn_failed(failed);
  if (workers_) workers_->on_spawn_failed(failed);
}

void Proxy::on_exited(const control::Exited& exited) {
  if (exited.id.pool == ManagedRedis::kPool && redis_) {
    redis_->on_exited(exited);
  } else if (workers_) {
    workers_->on_exited(exited);
  }
  on_change();
}

// Something happened to a worker or to Redis; looked at once a turn.
void Proxy::on_change() {
  if (std::exchange(change_scheduled_, true)) return;
  loop_.run_later([this] {
    change_scheduled_ = false;
    if (finished_ || orphaned_ || !snapshot_) return;
    if (stopping_) return stop_when_idle();
    if (leaving_) return;
    start_workers();
    workers_->advance();
    if (workers_->all_answered()) accept_now();
    announce();
  });
}

void Proxy::start_workers() {
  if (redis_ && redis_->state() != ManagedRedis::State::kReady) return;  // first Redis has to answer
  workers_->start();
}

void Proxy::accept_now() {
  accept_timer_.cancel();
  if (accepting_ || stopping_ || leaving_ || orphaned_) return;
  accepting_ = true;
  update_accepting();
}

// Once in the gateway's life, when all workers are ready.
void Proxy::announce() {
  if (announced_ || doors_.empty()) return;
  if (!workers_->all_ready()) return;
  accept_now();
  announced_ = true;
  if (const auto file = text_to_keep("ready")) keeper_.keep(control::kAnnouncedName, file->get());
  const auto plain = std::find_if(doors_.begin(), doors_.end(), [](const auto& door) { return !door->facts->tls; });
  const Door& shown = **(plain == doors_.end() ? doors_.begin() : plain);
  print_lines(STDOUT_FILENO, {"ready " + url_of(shown.listener->address(), shown.facts->tls != nullptr) + " admin=" +
                              url_of(admin_->address(), false) + " runtime=" + snapshot_->config.runtime_dir});
}

void Proxy::on_worker_closed(const WorkerSlot& worker, const std::vector<control::ClosedRecord>& reports) {
  const EndpointKey key{worker.welcome().endpoint, worker.welcome().generation};
  for (const control::ClosedRecord& report : reports) {
    handed_over_.closed(key, worker.welcome().pool, worker.name(), report);
  }
}

bool Proxy::is_ready() const { return accepting_ && !stopping_ && !leaving_ && pools_->all_ready(); }

}  // namespace hubgate::proxy
