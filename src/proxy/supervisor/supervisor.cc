#include "proxy/supervisor/supervisor.h"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <variant>

namespace hubgate::supervisor {
namespace {

// An inventory of many slots may wait in our queue; what one living proxy is sent is bounded by what it asked for.
constexpr std::size_t kKeeperQueue = 16 * 1024;  // messages

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

struct Supervisor::Keeper final : event::Disposable, control::PacketLink::Handler {
  Keeper(Supervisor& keeper_owner, Descriptor socket)
      : owner(keeper_owner), link(keeper_owner.loop_, std::move(socket), *this, kKeeperQueue) {}

  void on_packet(Bytes bytes, Descriptor descriptor, bool) override {
    const auto message = control::decode_keeper_to_supervisor(bytes);
    if (!message) {
      link.close();
      return owner.on_keeper_broken(message.error().what);
    }
    owner.on_message(*message, std::move(descriptor));
  }
  void on_link_closed(std::string_view why) override { owner.on_keeper_broken(why); }
  void retire() override { link.close(); }

  Supervisor& owner;
  control::PacketLink link;
};

Supervisor::Supervisor(event::Loop& loop, Log& log, Settings settings)
    : loop_(loop),
      log_(log),
      settings_(std::move(settings)),
      restart_timer_(loop, [this] { start_proxy(); }),
      proxy_ready_timer_(loop, [this] { end_hung_proxy("not ready in time"); }),
      heartbeat_(loop, {.ping = [this] { ping(); },
                        .read =
                            [this] {
                              if (keeper_) keeper_->link.read_now();
                            },
                        .hung = [this] { end_hung_proxy("does not answer"); }}),
      kill_proxy_timer_(loop, [this] { signal_proxy(SIGKILL); }),
      kill_all_timer_(loop, [this] { slots_.signal_all(SIGKILL); }),
      signals_(loop, {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}, [this](int signal) { on_signal(signal); }) {}

Supervisor::~Supervisor() = default;

int Supervisor::run() {
  ::signal(SIGPIPE, SIG_IGN);
  start_proxy();
  if (!finished_) loop_.run();
  return exit_code_;
}

// ---- the proxy

void Supervisor::start_proxy() {
  if (stopping_ || ending_) return;
  auto ends = control::PacketLink::make_pair();
  if (!ends) {
    log_.error("no link for the proxy", {{"error", ends.error().what}});
    return restart_timer_.start(kLongestBackOff);
  }
  ChildSpec spec;
  spec.argv = settings_.proxy_command;
  spec.env = settings_.proxy_env;
  spec.links = {{"keeper", ends->second.get()}};
  spec.pipes = false;
  spec.dies_with_us = false;  // it ends the others when we die
  auto started = spawn_child(spec);
  if (const auto* error = std::get_if<SpawnError>(&started)) {
    log_.error("proxy does not start", {{"step", error->step}, {"error", std::strerror(error->error)}});
    if (!ever_ready_) {
      exit_code_ = 1;
      return end_all();
    }
    return restart_timer_.start(kLongestBackOff);
  }
  proxy_pid_ = std::get<Child>(started).pid;
  proxy_started_ = loop_.now();
  proxy_ready_ = false;
  proxy_ended_ = false;
  pongs_to_come_ = 0;
  proxy_ready_timer_.start(kProxyReadyTime);
  keeper_ = std::make_unique<Keeper>(*this, std::move(ends->first));
}

void Supervisor::send(std::string_view message, int descriptor) {
  if (!keeper_) return;
  const control::PacketLink::Sent sent = keeper_->link.send(message, descriptor);
  if (sent == control::PacketLink::Sent::kFull || sent == control::PacketLink::Sent::kTooLarge) {
    // It would miss something for good; the next one begins with a whole inventory.
    log_.error("proxy's link is full", {{"pid", proxy_pid_}});
    signal_proxy(SIGKILL);
  }
}

void Supervisor::send_inventory() {
  kept_.each([this](const std::string& name, int descriptor) { send(encode(control::Kept{name}), descriptor); });
  for (const auto& [id, process] : slots_.all()) {
    send(encode(
        control::Slot{id, process.pid, process.spec_hash, static_cast<std::uint32_t>(process.descriptors.size())}));
    send_process(id, process);
  }
  send(encode(control::InventoryEnd{}));
}

void Supervisor::send_process(const control::SlotId& id, const SlotProcesses::Process& process) {
  for (const auto& [role, descriptor] : process.descriptors) send(encode(control::SlotFd{id, role}), descriptor.get());
}

void Supervisor::on_message(const control::KeeperToSupervisor& message, Descriptor descriptor) {
  if (const auto* hello = std::get_if<control::Hello>(&message)) {
    send(encode(control::Hello{.epoch = hello->epoch}));
    send_inventory();
  } else if (const auto* spawn = std::get_if<control::Spawn>(&message)) {
    on_spawn(*spawn);
  } else if (const auto* signal = std::get_if<control::Signal>(&message)) {
    slots_.signal(signal->id, signal->signal);
  } else if (const auto* keep = std::get_if<control::Keep>(&message)) {
    if (!descriptor.is_open()) return;
    if (keep->name == control::kAnnouncedName) settings_.notifier.ready();
    kept_.keep(keep->name, std::move(descriptor));
  } else if (const auto* forget = std::get_if<control::Forget>(&message)) {
    kept_.forget(forget->name);
    send(encode(control::Forgotten{forget->name}));
  } else if (const auto* drop = std::get_if<control::DropTo>(&message)) {
    drop_to(*drop);
  } else if (std::holds_alternative<control::ProxyReady>(message)) {
    proxy_ready_ = ever_ready_ = true;
    if (std::exchange(pongs_until_reloaded_, 0) > 0) settings_.notifier.ready();  // it has read the file just now
    proxy_ready_timer_.cancel();
    heartbeat_.start();
  } else if (std::holds_alternative<control::KeeperPong>(message)) {
    on_pong();
  }
}

void Supervisor::on_spawn(const control::Spawn& spawn) {
  if (proxy_ended_ || ending_) return;
  const auto started = slots_.spawn(spawn);
  if (const auto* error = std::get_if<SpawnError>(&started)) {
    return send(encode(control::SpawnFailed{spawn.id, error->step, error->error}));
  }
  const auto& process = *std::get<const SlotProcesses::Process*>(started);
  send(encode(control::Spawned{spawn.id, process.pid, process.spec_hash,
                               static_cast<std::uint32_t>(process.descriptors.size())}));
  send_process(spawn.id, process);
}

void Supervisor::drop_to(const control::DropTo& drop) {
  const std::vector<gid_t> groups(drop.groups.begin(), drop.groups.end());
  if (!slots_.empty() || ::setgroups(groups.size(), groups.data()) != 0 ||
      ::setresgid(drop.gid, drop.gid, drop.gid) != 0 || ::setresuid(drop.uid, drop.uid, drop.uid) != 0) {
    // To go on as a more powerful user than was asked for is no choice.
    log_.error("cannot drop privileges", {{"uid", drop.uid}, {"gid", drop.gid}, {"error", std::strerror(errno)}});
    exit_code_ = 1;
    end_all();
  }
}

void Supervisor::on_keeper_broken(std::string_view why) {
  if (proxy_ended_) return;
  // Mostly it is ending, and SIGCHLD comes; one that lives on without its link is of no use.
  log_.debug("proxy's link has ended", {{"pid", proxy_pid_}, {"why", why}});
  if (proxy_pid_ > 0 && !kill_proxy_timer_.is_running()) kill_proxy_timer_.start(kAbortGrace);
}

void Supervisor::on_proxy_ended(int status) {
  proxy_ended_ = true;
  if (keeper_) keeper_->link.read_now();  // Keep, Forget and Signal count
  loop_.dispose(std::move(keeper_));
  proxy_pid_ = -1;
  heartbeat_.stop();
  proxy_ready_timer_.cancel();
  kill_proxy_timer_.cancel();
  if (ending_) return finish_if_alone();
  if (stopping_) return end_all();
  if (!ever_ready_) {
    exit_code_ = exit_code_of(status);
    return end_all();
  }
  if (loop_.now() - proxy_started_ >= kStableLife) proxy_failures_ = 0;
  const bool asked_for = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  log_.warn("proxy has ended", {{"exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1},
                                {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0},
                                {"slots", slots_.all().size()}});
  // At once the first time, later ones wait longer and longer.
  Duration wait{};
  if (!asked_for && proxy_failures_++ > 0) {
    wait = std::min<Duration>(kLongestBackOff, kFirstBackOff * (1 << std::min(proxy_failures_ - 2, 10)));
  }
  restart_timer_.start(wait);
}

// As the proxy does with its workers.
void Supervisor::end_hung_proxy(std::string_view why) {
  log_.error("proxy is ended", {{"pid", proxy_pid_}, {"why", why}});
  signal_proxy(SIGABRT);
  signal_proxy(SIGCONT);  // a stopped process takes no signal
  kill_proxy_timer_.start(kAbortGrace);
}

void Supervisor::ping() {
  if (!keeper_ || !keeper_->link.is_open()) return;
  const control::PacketLink::Sent sent = keeper_->link.send(encode(control::KeeperPing{}));
  if (sent == control::PacketLink::Sent::kSent || sent == control::PacketLink::Sent::kQueued) ++pongs_to_come_;
}

void Supervisor::on_pong() {
  heartbeat_.answered();
  if (pongs_to_come_ > 0) --pongs_to_come_;
  if (pongs_until_reloaded_ > 0 && --pongs_until_reloaded_ == 0) settings_.notifier.ready();
}

// The proxy reloads before it answers what was sent behind it: so we know when it is done.
void Supervisor::reload() {
  settings_.notifier.reloading();
  send(encode(control::Reload{}));
  ping();
  pongs_until_reloaded_ = std::max(pongs_to_come_, 1);
}

// Never to -1, which is every process there is.
void Supervisor::signal_proxy(int signal) const {
  if (proxy_pid_ > 0) ::kill(proxy_pid_, signal);
}

// ---- signals, children, the end

void Supervisor::on_signal(int signal) {
  switch (signal) {
    case SIGCHLD: return reap();
    case SIGHUP: return reload();
    case SIGUSR1: return send(encode(control::ReopenLogs{}));
    default: return stop();
  }
}

void Supervisor::reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == proxy_pid_) {
      on_proxy_ended(status);
    } else if (const auto id = slots_.ended(pid)) {
      send(encode(control::Exited{*id, pid, status}));
    }
  }
  if (ending_) finish_if_alone();
}

void Supervisor::stop() {
  const bool again = std::exchange(stopping_, true);
  log_.info("stop asked for", {{"again", again}});
  if (!again) settings_.notifier.stopping();
  if (again || !proxy_ready_ || proxy_pid_ < 0) return end_all();
  send(encode(control::Stop{}));
}

// Without a proxy to do it gently.
void Supervisor::end_all() {
  if (std::exchange(ending_, true)) return;
  restart_timer_.cancel();
  heartbeat_.stop();
  proxy_ready_timer_.cancel();
  signal_proxy(SIGKILL);
  slots_.close_links();
  slots_.signal_all(SIGTERM);
  slots_.signal_all(SIGCONT);
  kill_all_timer_.start(kTermGrace);
  finish_if_alone();
}

void Supervisor::finish_if_alone() {
  if (proxy_pid_ > 0 || !slots_.empty()) return;
  finished_ = true;
  loop_.stop();
}

}  // namespace hubgate::supervisor
