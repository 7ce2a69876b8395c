#include "tests/chaos/fault_hand.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "tests/chaos/judge.h"

namespace hubgate::chaos {
namespace {

using std::chrono::seconds;

constexpr Duration kVerbTime = seconds(30);
/// How long after a signal to the proxy its end may be logged: the supervisor may stand still meanwhile.
constexpr Instant kProxyEndTime = seconds(25);

/// Less than `max_pending_bytes`, and more than that and the kernel's buffers.
constexpr std::size_t kSlowBytes = 96 * 1024;
constexpr std::size_t kStuckBytes = 6 * 1024 * 1024;
/// Within which clients may be asked to come back: a proxy that hangs takes the verb late, and `drain_time` follows.
constexpr Instant kRebalanceTime = seconds(25);

}  // namespace

FaultHand::FaultHand(event::Loop& loop, const RunClock& clock, Facts& facts, test::Gateway& gateway,
                     GatewayWatch& watch, Traffic& traffic, Config config)
    : loop_(loop),
      clock_(clock),
      facts_(facts),
      gateway_(gateway),
      watch_(watch),
      traffic_(traffic),
      config_(std::move(config)),
      timer_(loop, [this] { do_next(); }) {}

FaultHand::~FaultHand() {
  for (const pid_t pid : stopped_) ::kill(pid, SIGCONT);
  for (const Verb& one : verbs_) {
    ::kill(one.pid, SIGKILL);
    ::waitpid(one.pid, nullptr, 0);
  }
}

void FaultHand::start(std::vector<PlannedFault> plan) {
  plan_ = std::move(plan);
  if (!plan_.empty()) timer_.start(plan_.front().at - clock_.now());
}

void FaultHand::do_next() {
  const PlannedFault& fault = plan_[next_++];
  watch_.look();
  if (apply(fault)) ++done_[static_cast<std::size_t>(fault.kind)];
  if (next_ < plan_.size()) timer_.start(plan_[next_].at - clock_.now());
}

bool FaultHand::apply(const PlannedFault& fault) {
  switch (fault.kind) {
    case FaultKind::kKillWorker:
    case FaultKind::kTermWorker:
    case FaultKind::kStopWorker:
    case FaultKind::kHangWorker: return apply_to_worker(fault);
    case FaultKind::kKillProxy:
    case FaultKind::kTermProxy:
    case FaultKind::kStopProxy:
    case FaultKind::kHangProxy: return apply_to_proxy(fault);
    case FaultKind::kKillRedis:
    case FaultKind::kStopRedis:
    case FaultKind::kHangRedis:
    case FaultKind::kDropLinks: return apply_to_redis(fault);
    case FaultKind::kReload:
    case FaultKind::kReloadBroken:
    case FaultKind::kResize:
    case FaultKind::kNewCommand:
    case FaultKind::kRestart:
    case FaultKind::kDrain:
    case FaultKind::kRebalance: return apply_to_config(fault);
    case FaultKind::kKillClients:
    case FaultKind::kSlowClients:
    case FaultKind::kStuckClients: return apply_to_clients(fault);
    case FaultKind::kStopGateway: return stop_gateway(fault);
    case FaultKind::kCount: break;
  }
  return false;
}

bool FaultHand::apply_to_worker(const PlannedFault& fault) {
  const auto living = watch_.living_workers();
  if (living.empty()) return false;
  Worker& worker = *living[fault.choice % living.size()];
  const pid_t pid = worker.pid;
  const Instant now = clock_.now();
  switch (fault.kind) {
    case FaultKind::kKillWorker:
      worker.killed = now;
      ::kill(pid, SIGKILL);
      return true;
    case FaultKind::kTermWorker:
      worker.can_drain_from = std::min(worker.can_drain_from, now);
      worker.may_end = true;
      ::kill(pid, SIGTERM);
      return true;
    default: break;
  }
  if (worker.stopped.is_open()) return false;
  worker.stopped.begin(now);
  ::kill(pid, SIGSTOP);
  stopped_.push_back(pid);
  const bool hangs = fault.kind == FaultKind::kHangWorker;
  undo_after(fault.lasts, [this, &worker, pid, hangs, now] {
    watch_.look();
    if (hangs && !worker.ended && !worker.killed && !facts_.proxy_away.touches(now, clock_.now())) {
      facts_.oddities.push_back({clock_.now(), worker.name + " hung and was not ended"});
    }
    if (!worker.ended) ::kill(pid, SIGCONT);
    worker.stopped.end(clock_.now());
    std::erase(stopped_, pid);
  });
  return true;
}

void FaultHand::proxy_stopped(pid_t proxy, Instant at) {
  facts_.proxy_away.begin(at);
  ::kill(proxy, SIGSTOP);
  stopped_.push_back(proxy);
}

void FaultHand::proxy_goes_on(pid_t proxy) {
  ::kill(proxy, SIGCONT);
  // A successor has said itself that it works.
  if (watch_.proxy() == proxy) facts_.proxy_away.end(clock_.now());
  std::erase(stopped_, proxy);
}

bool FaultHand::apply_to_proxy(const PlannedFault& fault) {
  const pid_t proxy = watch_.proxy();
  const Instant now = clock_.now();
  if (proxy == 0 || facts_.proxy_away.is_open()) return false;
  if (fault.kind == FaultKind::kKillProxy || fault.kind == FaultKind::kTermProxy) {
    facts_.proxy_may_end.push_back({now - kResolution, now + kProxyEndTime});
    facts_.proxy_away.begin(now);
    ::kill(proxy, fault.kind == FaultKind::kKillProxy ? SIGKILL : SIGTERM);
    return true;
  }
  if (fault.kind == FaultKind::kHangProxy) {
    facts_.proxy_may_end.push_back({now + kLongStop, now + kProxyEndTime});
  }
  proxy_stopped(proxy, now);
  const bool hangs = fault.kind == FaultKind::kHangProxy;
  undo_after(fault.lasts, [this, proxy, hangs, now] {
    watch_.look();
    if (hangs && watch_.proxy() == proxy && !facts_.supervisor_stopped.touches(now, clock_.now())) {
      facts_.oddities.push_back({clock_.now(), "a proxy that hung was not replaced"});
    }
    proxy_goes_on(proxy);
  });
  return true;
}

bool FaultHand::stop_gateway(const PlannedFault& fault) {
  const pid_t proxy = watch_.proxy();
  if (proxy == 0 || facts_.proxy_away.is_open() || facts_.supervisor_stopped.is_open()) return false;
  const Instant now = clock_.now();
  facts_.supervisor_stopped.begin(now);
  ::kill(gateway_.supervisor(), SIGSTOP);
  stopped_.push_back(gateway_.supervisor());
  proxy_stopped(proxy, now);
  undo_after(fault.lasts, [this, proxy] {
    ::kill(gateway_.supervisor(), SIGCONT);
    std::erase(stopped_, gateway_.supervisor());
    facts_.supervisor_stopped.end(clock_.now());
    proxy_goes_on(proxy);
  });
  return true;
}

bool FaultHand::apply_to_redis(const PlannedFault& fault) {
  const pid_t redis = watch_.redis();
  if (redis == 0 || facts_.redis_stopped.is_open()) return false;
  if (fault.kind == FaultKind::kKillRedis) return ::kill(redis, SIGKILL) == 0;
  if (fault.kind == FaultKind::kDropLinks) return drop_links(fault.choice % 2 == 0 ? "pubsub" : "normal");
  facts_.redis_stopped.begin(clock_.now());
  ::kill(redis, SIGSTOP);
  stopped_.push_back(redis);
  undo_after(fault.lasts, [this, redis] {
    ::kill(redis, SIGCONT);
    facts_.redis_stopped.end(clock_.now());
    std::erase(stopped_, redis);
  });
  return true;
}

// In Redis' inline form; the answer is not waited for, and Redis reads what was sent before the end.
bool FaultHand::drop_links(const std::string& type) {
  const std::string command = "CLIENT KILL TYPE " + type + " SKIPME yes\r\n";
  const auto address = net::Address::parse("unix:" + watch_.redis_socket());
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return address && ::connect(socket.get(), address->get(), address->length()) == 0 &&
         ::send(socket.get(), command.data(), command.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(command.size());
}

bool FaultHand::apply_to_config(const PlannedFault& fault) {
  switch (fault.kind) {
    case FaultKind::kReload:
      write_config();
      // And the watch of the file beside it.
      if (fault.choice % 3 == 0) verb({"reload"});
      if (fault.choice % 3 == 1) gateway_.signal(SIGHUP);
      return true;
    case FaultKind::kReloadBroken:
      gateway_.write_config(fault.choice % 2 == 0 ? "nonsense"
                                                  : config_(workers_, command_, 0) + "[pool.main]\nworkers = -1\n");
      if (fault.choice % 3 == 0) verb({"reload"});
      undo_after(fault.lasts, [this] { write_config(); });
      return true;
    case FaultKind::kResize:
      workers_ = fault.choice % 2 == 0 ? kWorkers - 1 : kWorkers + 1;
      write_config();
      undo_after(fault.lasts, [this] {
        workers_ = kWorkers;
        write_config();
      });
      return true;
    case FaultKind::kNewCommand:
      ++command_;
      write_config();
      return true;
    case FaultKind::kRestart: verb({"restart", "main", "--no-wait"}); return true;
    case FaultKind::kRebalance:
      facts_.rebalanced.add({clock_.now(), clock_.now() + kRebalanceTime});
      verb({"rebalance", "main"});
      return true;
    default: break;
  }
  const std::string endpoint = "main/" + std::to_string(fault.choice % kWorkers);
  verb({"drain", endpoint});
  undo_after(fault.lasts, [this, endpoint] { verb({"undrain", endpoint}); });
  return true;
}

bool FaultHand::apply_to_clients(const PlannedFault& fault) {
  const std::size_t first = fault.choice % traffic_.size();
  const std::size_t count = 1 + fault.choice / 7 % (fault.kind == FaultKind::kKillClients ? 10 : 3);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t client = (first + 7 * i) % traffic_.size();
    if (fault.kind == FaultKind::kKillClients) {
      traffic_.kill(client, i % 2 == 0);
      continue;
    }
    const bool stuck = fault.kind == FaultKind::kStuckClients;
    if (!traffic_.hold(client, stuck ? kStuckBytes : kSlowBytes)) continue;
    undo_after(fault.lasts, [this, client, stuck] { traffic_.let_go(client, stuck); });
  }
  return true;
}

void FaultHand::undo_after(Instant lasts, std::function<void()> act) {
  auto undo = std::make_unique<Undo>();
  undo->act = std::move(act);
  undo->timer = std::make_unique<event::Timer>(loop_, [this, which = undo.get()] {
    const auto found = std::find_if(undos_.begin(), undos_.end(), [&](const auto& one) { return one.get() == which; });
    auto own = std::move(*found);
    undos_.erase(found);
    own->act();
    loop_.dispose_value(std::move(own));  // its timer is calling us
  });
  undo->timer->start(lasts);
  undos_.push_back(std::move(undo));
}

void FaultHand::verb(const std::vector<std::string>& arguments) {
  verbs_.push_back({gateway_.begin_command(arguments), loop_.now()});
}

void FaultHand::reap() {
  std::erase_if(verbs_, [&](const Verb& one) {
    if (::waitpid(one.pid, nullptr, WNOHANG) == one.pid) return true;
    if (loop_.now() - one.begun > kVerbTime) ::kill(one.pid, SIGKILL);
    return false;
  });
}

void FaultHand::write_config() { gateway_.write_config(config_(workers_, command_, ++revision_)); }

void FaultHand::restore() {
  workers_ = kWorkers;
  write_config();
  for (int i = 0; i < kWorkers; ++i) verb({"undrain", "main/" + std::to_string(i)});
}

}  // namespace hubgate::chaos
