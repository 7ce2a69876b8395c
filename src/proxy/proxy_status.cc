#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "common/config/units.h"
#include "common/net/tls_context.h"
#include "proxy/admin/status_metrics.h"
#include "proxy/config/version.h"
#include "proxy/proxy.h"
#include "proxy/proxy_door.h"
#include "proxy/session_series.h"

// What the proxy tells operators: status and metrics.

namespace hubgate::proxy {
namespace {

std::uint64_t open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (!directory) return 0;
  std::uint64_t count = 0;
  while (::readdir(directory.get()) != nullptr) ++count;
  return count < 3 ? 0 : count - 3;  // ".", ".." and the directory itself
}

// Over all hubs of a worker.
std::uint64_t sum_of(const std::vector<std::pair<std::string, double>>& stats, std::string_view name) {
  double sum = 0;
  for (const auto& [series, value] : stats) {
    if (std::string_view(series).substr(0, series.find('{')) == name && value > 0) sum += value;
  }
  return sum < 9e15 ? static_cast<std::uint64_t>(sum) : 0;  // a worker may say anything
}

TotalsStatus totals_of(const SessionMetrics& metrics, const AccessLog& access_log) {
  TotalsStatus totals;
  totals.connections = metrics.sessions_opened;
  totals.requests = metrics.requests;
  totals.server_errors = metrics.responses[5];
  for (const std::uint64_t count : metrics.rejected) totals.rejected += count;
  totals.retries = metrics.retries;
  totals.handovers = metrics.handovers[static_cast<std::size_t>(HandoverResult::kAcked)];
  totals.tunnels = metrics.tunnels_opened;
  totals.log_dropped = access_log.dropped();
  return totals;
}

void add_requests(const Endpoint& endpoint, EndpointStatus& status) {
  status.requests = endpoint.counters.requests;
  status.connect_failures = endpoint.counters.connect_failures;
  status.response_failures = endpoint.counters.response_failures;
}

std::string health_text(const HealthConfig& health) {
  return (health.path.empty() ? "connect" : "GET " + health.path) + " every " +
         config::format_duration(health.interval);
}

std::string state_of(const WorkerSlot& slot, const SlotRunner& runner) {
  const bool is_leaving = runner.is_leaving(slot);
  if (runner.is_held() && slot.is_draining() && !is_leaving) {
    return slot.load().active + slot.load().pending == 0 ? "drained" : "draining";
  }
  return std::string(is_leaving && slot.state() == WorkerSlot::State::kReady ? "draining" : to_string(slot.state()));
}

EndpointStatus status_of(const WorkerSlot& slot, const SlotRunner& runner, const Endpoint* endpoint) {
  EndpointStatus status;
  status.name = slot.name();
  status.id = slot.welcome().endpoint;
  status.generation = slot.welcome().generation;
  status.pid = slot.pid();
  status.state = state_of(slot, runner);
  status.outdated = runner.is_outdated(slot);
  status.full = slot.is_full();
  const WorkerSlot::Load load = slot.load();
  status.active = load.active;
  status.pending = load.pending;
  status.max_connections = slot.max_connections();
  status.redis_state = slot.redis_state();
  status.loop_lag_seconds = std::chrono::duration<double>(slot.loop_lag()).count();
  status.handed_over = slot.handed_over();
  if (endpoint != nullptr) {
    status.tunnels = endpoint->tunnels();
    add_requests(*endpoint, status);
  }
  status.stats.assign(slot.stats().series.begin(), slot.stats().series.end());
  status.log_dropped = sum_of(status.stats, "hubgate_hub_log_dropped_total");
  status.messages_in = sum_of(status.stats, "hubgate_hub_messages_received_total");
  status.messages_out = sum_of(status.stats, "hubgate_hub_messages_sent_total");
  return status;
}

std::string state_of(const Endpoint& endpoint) {
  if (endpoint.life() == Endpoint::Life::kDraining) return endpoint.active() == 0 ? "drained" : "draining";
  if (endpoint.addresses().empty()) return "unresolved";
  if (endpoint.is_ejected() && endpoint.health() != Endpoint::Health::kUnhealthy) return "ejected";
  return std::string(to_string(endpoint.health()));
}

EndpointStatus status_of(const Endpoint& endpoint, TimePoint now) {
  EndpointStatus status;
  status.name = endpoint.name();
  status.id = endpoint.key().endpoint;
  status.state = state_of(endpoint);
  status.up =
      endpoint.health() != Endpoint::Health::kUnhealthy && !endpoint.is_ejected() && !endpoint.addresses().empty();
  if (!endpoint.addresses().empty()) status.address = endpoint.addresses().front().to_string();
  status.weight = endpoint.weight();
  if (endpoint.is_ejected()) {
    const Duration left = std::max<Duration>(endpoint.ejected_until() - now, Duration::zero());
    status.ejected_seconds = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(left).count());
  }
  add_requests(endpoint, status);
  status.probes = endpoint.counters.probes;
  status.probe_failures = endpoint.counters.probe_failures;
  status.ejections = endpoint.counters.ejections;
  status.full = endpoint.is_full();
  status.active = endpoint.active();
  status.pending = endpoint.pending();
  status.tunnels = endpoint.tunnels();
  return status;
}

// A slot without a process: between two generations, or it cannot be started.
EndpointStatus status_of(const SlotRunner& runner) {
  EndpointStatus status;
  status.name = runner.name();
  status.state = runner.is_failed() ? "failed" : "starting";
  return status;
}

RestartStatus status_of(const PoolRunner::Restart& restart) {
  RestartStatus status;
  status.number = restart.number;
  status.state = restart.number == 0 ? "none" : !restart.under_way ? "done" : restart.failing ? "failing" : "under way";
  status.slots = restart.slots;
  status.done = restart.done;
  status.slot = restart.slot;
  status.left = restart.left;
  status.draining = restart.draining;
  return status;
}

}  // namespace

void Proxy::add_pool(const Pool& pool, StatusReport& report) const {
  PoolStatus& shown = report.pools.emplace_back();
  shown.name = pool.name();
  shown.command = pool.config().command;
  if (!pool.config().is_local()) shown.health = health_text(pool.config().health);
  shown.handover = to_string(pool.config().handover);
  shown.queued = pool.waiting();
  shown.retired = pool.is_retired();
  for (const Endpoint* endpoint : pool.endpoints()) {
    if (!endpoint->is_local()) shown.endpoints.push_back(status_of(*endpoint, loop_.now()));
  }
  const PoolRunner* workers = workers_->find(pool.name());
  if (workers == nullptr) return;
  shown.restart = status_of(workers->restart_status());
  for (const auto& runner : workers->slots()) {
    const std::size_t first = shown.endpoints.size();
    for (const WorkerSlot* slot : runner->living()) {
      for (const control::Path& path : slot->paths()) {
        if (std::find(shown.paths.begin(), shown.paths.end(), path.path) == shown.paths.end()) {
          shown.paths.push_back(path.path);
        }
      }
      shown.endpoints.push_back(
          status_of(*slot, *runner, pool.find({slot->welcome().endpoint, slot->welcome().generation})));
      report.handed_over += slot->handed_over();
    }
    if (shown.endpoints.size() == first) shown.endpoints.push_back(status_of(*runner));
    for (std::size_t i = first; i < shown.endpoints.size(); ++i) {
      EndpointStatus& endpoint = shown.endpoints[i];
      endpoint.local = true;
      endpoint.restarts = runner->restarts();
      endpoint.failed = runner->is_failed();
      report.processes.push_back({.role = "worker",
                                  .name = endpoint.name,
                                  .pid = endpoint.pid,
                                  .generation = endpoint.generation,
                                  .state = endpoint.state});
    }
    shown.endpoints.back().ends.assign(runner->ends().begin(), runner->ends().end());
  }
}

StatusReport Proxy::status() const {
  StatusReport report;
  report.version = kProductVersion;
  report.ready = is_ready();
  report.stopping = stopping_;
  report.uptime_seconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(loop_.now() - started_at_).count());
  const ProxyConfig& config = snapshot_->config;
  report.runtime_dir = config.runtime_dir;
  report.admin = admin_->address().to_string();
  report.config_file = source_.file;
  report.revision = snapshot_->revision;
  report.hash = snapshot_->hash;
  report.kept_config = kept_config_;
  report.last_reload = last_reload_;
  report.last_reload_ok = last_reload_ok_;
  report.last_reload_errors = last_reload_errors_;
  report.needs_restart = snapshot_->needs_restart;
  report.redis = redis_ ? redis_->address() : redis_without_password(config.redis.reveal());
  if (redis_) report.redis_state = to_string(redis_->state());

  report.processes.push_back({.role = "supervisor", .name = "", .pid = supervisor_, .generation = 0, .state = "ready"});
  report.processes.push_back({.role = "proxy",
                              .name = "",
                              .pid = ::getpid(),
                              .generation = 0,
                              .state = stopping_ || leaving_ ? "stopping" : "ready"});
  if (redis_) {
    report.processes.push_back(
        {.role = "redis", .name = "", .pid = redis_->pid(), .generation = 0, .state = report.redis_state});
  }
  for (const auto& door : doors_) {
    report.listeners.push_back({door->config.name, door->listener->address().to_string(), door->facts->tls != nullptr});
  }
  for (const auto& [name, pool] : pools_->pools()) {
    if (!pool->is_retired() || !pool->endpoints().empty()) add_pool(*pool, report);
  }
  report.access_log = config.access_log.target;
  report.totals = totals_of(metrics_, access_log_);
  report.downstream_connections = sessions_.size();
  report.tunnels = metrics_.tunnels_active;
  report.descriptors = open_descriptors();
  return report;
}

void Proxy::collect(MetricsPage& page) const {
  add_status_metrics(status(), page);
  std::uint64_t exhausted = times_full_;
  for (const auto& door : doors_) exhausted += door->listener->exhausted();
  page.counter("hubgate_proxy_accept_paused_total", "Times that accepting rested for want of descriptors.",
               static_cast<double>(exhausted));
  const auto add_handshakes = [&](const char* result, std::uint64_t count) {
    page.counter("hubgate_proxy_tls_handshakes_total", "TLS handshakes of clients, by how they ended.",
                 static_cast<double>(count), {{"result", result}});
  };
  add_handshakes("ok", handshakes_->counts().succeeded);
  add_handshakes("failed", handshakes_->counts().failed);
  add_handshakes("abandoned", handshakes_->counts().abandoned);
  for (const auto& door : doors_) {
    if (!door->facts->tls) continue;
    page.gauge("hubgate_proxy_tls_cert_not_after_seconds",
               "Until when the certificate in force is valid, in seconds since 1970.",
               static_cast<double>(door->facts->tls->not_after()), {{"listener", door->config.name}});
  }
  page.gauge("hubgate_proxy_config_revisions_alive", "Configurations that something still refers to.",
             static_cast<double>(
                 std::count_if(revisions_.begin(), revisions_.end(), [](const auto& one) { return !one.expired(); })));
  if (redis_) {
    page.gauge("hubgate_proxy_redis_up", "1: managed Redis answers.",
               redis_->state() == ManagedRedis::State::kReady ? 1 : 0);
    page.counter("hubgate_proxy_redis_restarts_total", "Starts of managed Redis after its first.",
                 static_cast<double>(redis_->restarts()));
  }
  add_session_metrics(metrics_, page);
  add_access_metrics(access_log_, handed_over_, page);
  page.counter("hubgate_proxy_log_dropped_total", "Lines of the log that standard error did not take.",
               static_cast<double>(log_lines_.dropped()));
  for (const auto& [name, pool] : pools_->pools()) {
    const MetricLabels labels = {{"pool", name}};
    page.counter("hubgate_proxy_queued_total", "Requests that had to wait for an endpoint.",
                 static_cast<double>(pool->counters.queued), labels);
    page.counter("hubgate_proxy_queue_full_total", "Requests that found the queue full.",
                 static_cast<double>(pool->counters.queue_full), labels);
    page.counter("hubgate_proxy_queue_timeouts_total", "Requests that waited in vain.",
                 static_cast<double>(pool->counters.queue_timeouts), labels);
    page.histogram("hubgate_proxy_queue_wait_seconds", "How long requests waited which had to and got an endpoint.",
                   pool->counters.queue_wait, labels);
  }
}

}  // namespace hubgate::proxy
