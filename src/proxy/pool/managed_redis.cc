#include "proxy/pool/managed_redis.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace hubgate::proxy {
namespace {

constexpr std::string_view kDirectoryPrefix = "run-";

Error system_error(const std::string& what) {
  return make_error(ErrorCode::kSystem, what + ": " + std::strerror(errno));
}

// One that an earlier run made: run-PID, a folder (no link to one) of our own user.
bool is_run_directory(const std::filesystem::path& path) {
  const std::string name = path.filename();
  const bool has_pid = name.size() > kDirectoryPrefix.size() && name.starts_with(kDirectoryPrefix) &&
                       name.find_first_not_of("0123456789", kDirectoryPrefix.size()) == std::string::npos;
  struct stat facts{};
  return has_pid && ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid();
}

}  // namespace

ManagedRedis::ManagedRedis(event::Loop& loop, event::Timers& timers, Log& log, Random& random, const WallClock& clock,
                           Keeper& keeper, const OutputSink& output, Settings settings, std::function<void()> on_change)
    : loop_(loop),
      timers_(timers),
      log_(log),
      random_(random),
      clock_(clock),
      keeper_(keeper),
      output_(output),
      settings_(std::move(settings)),
      on_change_(std::move(on_change)),
      back_off_(random),
      spawn_timer_(timers, [this] { request_spawn(); }),
      probe_timer_(timers, [this] { probe(); }),
      timeout_timer_(timers, [this] { probe_again(); }),
      kill_timer_(timers, [this] {
        if (process_) keeper_.signal(process_->id, SIGKILL);
      }) {}

ManagedRedis::~ManagedRedis() = default;

std::string ManagedRedis::directory() const {
  return settings_.runtime_dir + '/' + std::string(kDirectoryPrefix) + std::to_string(settings_.supervisor);
}

Result<void> ManagedRedis::prepare() {
  // The directories of dead runs; runtime_dir is locked, so nobody else's are here.
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(settings_.runtime_dir, ignored)) {
    if (is_run_directory(entry.path()) && entry.path() != directory()) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
  const std::string path = directory();
  const mode_t mode = settings_.group ? 0750 : 0700;
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return system_error(path);
  if (settings_.group && ::chown(path.c_str(), static_cast<uid_t>(-1), *settings_.group) != 0)
    return system_error(path);
  if (::chmod(path.c_str(), mode) != 0) return system_error(path);
  return {};
}

void ManagedRedis::start() {
  if (!process_ && !spawning_ && !spawn_timer_.is_running()) request_spawn();
}

void ManagedRedis::request_spawn() {
  if (stopping_ || spawning_ || process_) return;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  last_generation_ = std::max(static_cast<std::uint32_t>(now), last_generation_ + 1);
  control::Spawn spawn;
  spawn.id = {kPool, 0, last_generation_};
  spawn.cwd = directory();
  spawn.argv = {"redis-server",
                "--port",
                "0",
                "--unixsocket",
                socket_path(),
                "--unixsocketperm",
                settings_.group ? "660" : "600",
                "--save",
                "",
                "--appendonly",
                "no",
                "--daemonize",
                "no",
                "--client-output-buffer-limit",
                "pubsub 256mb 64mb 60",
                "--maxclients",
                "1000",
                "--maxmemory",
                "256mb",
                "--logfile",
                "",
                "--loglevel",
                "warning"};
  spawn.spec_hash = directory();
  if (const auto asked = keeper_.spawn(spawn); !asked) {
    log_.error("Redis cannot be started", {{"error", asked.error().what}});
    return spawn_timer_.start(back_off_.after_end(timers_.now(), Duration::zero()));
  }
  spawning_ = true;
  set_state(State::kStarting);
}

void ManagedRedis::adopt(SlotProcess process) {
  spawning_ = false;
  last_generation_ = std::max(last_generation_, process.id.generation);
  started_ = timers_.now();
  stdout_ = std::make_unique<ChildOutput>(loop_, std::move(process.output), "redis", output_);
  stderr_ = std::make_unique<ChildOutput>(loop_, std::move(process.errors), "redis", output_);
  log_.info("Redis runs", {{"pid", process.pid}, {"socket", socket_path()}});
  process_ = std::move(process);
  set_state(State::kStarting);
  if (stopping_) return stop();  // it was on its way when the stop came
  probe();
}

void ManagedRedis::on_spawn_failed(const control::SpawnFailed& failed) {
  if (!spawning_) return;
  spawning_ = false;
  log_.error("redis-server does not start",
             {{"step", failed.step},
              {"error", std::strerror(failed.error)},
              {"remedy", "install redis-server, or set redis to an address or \"off\""}});
  set_state(State::kDown);
  if (!stopping_) spawn_timer_.start(back_off_.after_end(timers_.now(), Duration::zero()));
}

void ManagedRedis::on_exited(const control::Exited& exited) {
  if (!process_ || process_->id != exited.id) return;
  stdout_->read_to_end();
  stderr_->read_to_end();
  const bool expected = stopping_;
  if (expected) {
    log_.info("Redis ended", {{"pid", exited.pid}});
  } else {
    log_.warn("Redis ended", {{"pid", exited.pid},
                              {"exit", WIFEXITED(exited.status) ? WEXITSTATUS(exited.status) : -1},
                              {"signal", WIFSIGNALED(exited.status) ? WTERMSIG(exited.status) : 0}});
  }
  process_.reset();
  kill_timer_.cancel();
  probe_timer_.cancel();
  end_probe();
  if (!stopping_) {
    ++restarts_;
    spawn_timer_.start(back_off_.after_end(timers_.now(), timers_.now() - started_));
  }
  set_state(State::kDown);
}

void ManagedRedis::stop() {
  stopping_ = true;
  spawn_timer_.cancel();
  probe_timer_.cancel();
  end_probe();
  if (!process_ || kill_timer_.is_running()) return;
  keeper_.signal(process_->id, SIGTERM);
  kill_timer_.start(kTermGrace);
}

void ManagedRedis::signal_directly(int signal) {
  if (process_) signal_process(process_->pidfd, signal);
}

void ManagedRedis::clean_up() {
  std::error_code ignored;
  std::filesystem::remove_all(directory(), ignored);
}

// ---- PING

void ManagedRedis::probe() {
  if (!process_ || stopping_) return;
  const Result<net::Address> address = net::Address::parse(this->address());
  if (!address) return log_.error("Redis has no address", {{"error", address.error().what}});
  timeout_timer_.start(kProbeTimeout);
  connector_ = std::make_unique<net::Connector>(loop_, [this](Result<Descriptor> socket) {
    if (!socket) return probe_again();
    connection_ =
        std::make_unique<net::Connection>(loop_, *std::move(socket), static_cast<net::Connection::Handler&>(*this));
    connection_->write(std::string_view("PING\r\n"));
  });
  connector_->start(*address, kProbeTimeout);
}

std::size_t ManagedRedis::on_data(MutableBytes input) {
  constexpr std::string_view kPong = "+PONG\r\n";
  if (as_text(input).starts_with(kPong)) {
    become_ready();
  } else if (input.size() >= kPong.size()) {
    probe_again();  // such as -LOADING
  } else {
    return 0;
  }
  return input.size();
}

void ManagedRedis::on_closed(net::CloseReason) { probe_again(); }

void ManagedRedis::probe_again() {
  end_probe();
  if (!process_ || stopping_) return;
  if (timers_.now() - started_ > kReadyTime) {
    log_.error("Redis does not become ready", {{"pid", process_->pid}});
    return keeper_.signal(process_->id, SIGKILL);
  }
  probe_timer_.start(kProbeInterval);
}

void ManagedRedis::end_probe() {
  timeout_timer_.cancel();
  if (connection_) connection_->close();
  loop_.dispose_value(std::move(connection_));
  loop_.dispose_value(std::move(connector_));  // this may be its own call
}

void ManagedRedis::become_ready() {
  end_probe();
  if (settings_.group && ::chown(socket_path().c_str(), static_cast<uid_t>(-1), *settings_.group) != 0) {
    log_.error("Redis's socket cannot be given to redis_group", {{"error", std::strerror(errno)}});
  }
  set_state(State::kReady);
}

void ManagedRedis::set_state(State state) {
  if (state_ == state) return;
  state_ = state;
  log_.debug("Redis state", {{"state", to_string(state)}});
  if (on_change_) on_change_();
}

std::string_view to_string(ManagedRedis::State state) noexcept {
  switch (state) {
    case ManagedRedis::State::kDown: return "down";
    case ManagedRedis::State::kStarting: return "starting";
    case ManagedRedis::State::kReady: return "ready";
  }
  return "?";
}

}  // namespace hubgate::proxy
