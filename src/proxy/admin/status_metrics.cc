#include "proxy/admin/status_metrics.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace hubgate::proxy {
namespace {

constexpr std::string_view kUpHelp = "1: a remote endpoint is neither unhealthy nor ejected, and has an address.";

struct RemoteCounter {
  std::string_view name;
  std::string_view help;
  std::uint64_t EndpointStatus::* count;
};
constexpr std::array<RemoteCounter, 6> kRemoteCounters = {{
    {"hubgate_proxy_endpoint_requests_total", "Requests sent to a remote endpoint, retries included.",
     &EndpointStatus::requests},
    {"hubgate_proxy_endpoint_connect_failures_total", "Connections to a remote endpoint that failed.",
     &EndpointStatus::connect_failures},
    {"hubgate_proxy_endpoint_response_failures_total", "Requests that a remote endpoint broke before or in its answer.",
     &EndpointStatus::response_failures},
    {"hubgate_proxy_endpoint_probes_total", "Probes of a remote endpoint's health.", &EndpointStatus::probes},
    {"hubgate_proxy_endpoint_probe_failures_total", "Probes that failed.", &EndpointStatus::probe_failures},
    {"hubgate_proxy_endpoint_ejections_total", "Times that a remote endpoint was left out for failing requests.",
     &EndpointStatus::ejections},
}};

void add_configuration(const StatusReport& report, MetricsPage& page) {
  page.gauge("hubgate_proxy_config_revision", "Revision of the configuration in force.",
             static_cast<double>(report.revision));
  page.gauge("hubgate_proxy_config_last_reload_success",
             "1: the last reload, or the start, took the file as it is; 0: it was refused, or the kept text runs.",
             report.last_reload_ok && !report.kept_config ? 1 : 0);
  page.gauge("hubgate_proxy_config_last_reload_timestamp_seconds",
             "Time of the last reload, taken or refused; 0: none.", static_cast<double>(report.last_reload));
  page.gauge("hubgate_proxy_config_needs_restart", "Differences between file and force that need a restart.",
             static_cast<double>(report.needs_restart.size()));
}

void add_remote(const EndpointStatus& endpoint, const MetricLabels& labels, MetricsPage& page) {
  page.gauge("hubgate_proxy_endpoint_up", kUpHelp, endpoint.up ? 1 : 0, labels);
  for (const auto& [name, help, count] : kRemoteCounters) {
    page.counter(name, help, static_cast<double>(endpoint.*count), labels);
  }
}

void add_endpoint(const EndpointStatus& endpoint, const MetricLabels& labels, MetricsPage& page) {
  const bool is_up = endpoint.state == "ready" || endpoint.state == "draining" || endpoint.state == "drained";
  page.gauge("hubgate_proxy_endpoint_connections", "Connections of an endpoint, by its own word where it gives one.",
             static_cast<double>(endpoint.active), labels);
  page.gauge("hubgate_proxy_endpoint_pending", "Given to an endpoint and not yet counted by it.",
             static_cast<double>(endpoint.pending), labels);
  page.gauge("hubgate_proxy_handed_over_active", "Living connections that were handed over.",
             static_cast<double>(endpoint.handed_over), labels);
  page.gauge("hubgate_proxy_endpoint_tunnels", "Relayed WebSockets of an endpoint.",
             static_cast<double>(endpoint.tunnels), labels);
  if (!endpoint.local) return add_remote(endpoint, labels, page);
  page.gauge("hubgate_proxy_worker_up", "1: ready or draining.", is_up ? 1 : 0, labels);
  page.gauge("hubgate_proxy_worker_generation", "Start time in seconds.", static_cast<double>(endpoint.generation),
             labels);
  page.counter("hubgate_proxy_worker_restarts_total", "Starts of a slot after its first.",
               static_cast<double>(endpoint.restarts), labels);
  page.gauge("hubgate_proxy_worker_failed", "1: the slot keeps ending, and is tried every 30 s.",
             endpoint.failed ? 1 : 0, labels);
  for (const auto& [cause, count] : endpoint.ends) {
    MetricLabels with_cause = labels;
    with_cause.emplace_back("cause", cause);
    page.counter("hubgate_proxy_worker_ends_total",
                 "Ends of a slot's processes: exit_<code>, signal_<number>, hung, not_started.",
                 static_cast<double>(count), with_cause);
  }
  page.gauge("hubgate_proxy_worker_loop_lag_seconds", "How late the worker's loop ran, by its last answer.",
             endpoint.loop_lag_seconds, labels);
  page.counter("hubgate_proxy_worker_log_dropped_total", "Output lines of a worker that were dropped.",
               static_cast<double>(endpoint.log_dropped), labels);
}

void add_pool(const PoolStatus& pool, MetricsPage& page) {
  page.gauge("hubgate_proxy_queue_length", "Requests that wait for an endpoint.", static_cast<double>(pool.queued),
             {{"pool", pool.name}});
  std::size_t unreadable = 0;
  for (const EndpointStatus& endpoint : pool.endpoints) {
    // In a rolling restart a slot has two generations; the newest keeps the plain name, so that its series go on.
    const bool is_older = std::any_of(pool.endpoints.begin(), pool.endpoints.end(), [&](const EndpointStatus& other) {
      return other.name == endpoint.name && other.generation > endpoint.generation;
    });
    const std::string name = is_older ? endpoint.name + "@" + std::to_string(endpoint.generation) : endpoint.name;
    const MetricLabels labels = {{"pool", pool.name}, {"endpoint", name}};
    add_endpoint(endpoint, labels, page);
    for (const auto& [series, value] : endpoint.stats) unreadable += page.series(series, value, labels) ? 0 : 1;
  }
  page.gauge("hubgate_proxy_worker_series_unreadable", "Series in workers' last reports that could not be read.",
             static_cast<double>(unreadable), {{"pool", pool.name}});
}

}  // namespace

void add_status_metrics(const StatusReport& report, MetricsPage& page) {
  page.gauge("hubgate_proxy_ready", "As /readyz.", report.ready ? 1 : 0);
  page.gauge("hubgate_proxy_uptime_seconds", "Of this run of the proxy.", static_cast<double>(report.uptime_seconds));
  page.gauge("hubgate_proxy_descriptors", "Open descriptors of the proxy.", static_cast<double>(report.descriptors));
  page.gauge("hubgate_proxy_connections_active", "Client connections that the proxy holds.",
             static_cast<double>(report.downstream_connections));
  add_configuration(report, page);
  page.declare_gauge("hubgate_proxy_endpoint_up", kUpHelp);
  for (const RemoteCounter& one : kRemoteCounters) page.declare_counter(one.name, one.help);
  for (const PoolStatus& pool : report.pools) add_pool(pool, page);
}

}  // namespace hubgate::proxy
