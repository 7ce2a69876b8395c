#include "proxy/session_series.h"

#include <string>

namespace hubgate::proxy {
namespace {

// One counter for each enumerator of `Kind`, with its name as the label.
template <class Kind, std::size_t kCount>
void add_each(MetricsPage& page, std::string_view name, std::string_view help, std::string_view label,
              const std::array<std::uint64_t, kCount>& counts) {
  for (std::size_t i = 0; i < kCount; ++i) {
    page.counter(name, help, static_cast<double>(counts[i]),
                 {{std::string(label), std::string(to_string(static_cast<Kind>(i)))}});
  }
}

// One counter for each pair that has been seen: all pairs would be a hundred lines of zeros.
void add_closings(MetricsPage& page, std::string_view name, std::string_view help, const ClosingCounts& counts) {
  page.declare_counter(name, help);
  for (std::size_t by = 0; by < counts.by_reason.size(); ++by) {
    for (std::size_t reason = 0; reason < counts.by_reason[by].size(); ++reason) {
      const std::uint64_t count = counts.by_reason[by][reason];
      if (count == 0) continue;
      page.counter(name, help, static_cast<double>(count),
                   {{"by", std::string(to_string(static_cast<ClosedBy>(by)))},
                    {"reason", std::string(to_string(static_cast<TerminationReason>(reason)))}});
    }
  }
}

}  // namespace

void add_session_metrics(const SessionMetrics& metrics, MetricsPage& page) {
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    page.counter(name, help, static_cast<double>(value));
  };
  counter("hubgate_proxy_connections_total", "Client connections that were accepted.", metrics.sessions_opened);
  counter("hubgate_proxy_requests_total", "Requests of clients.", metrics.requests);
  counter("hubgate_proxy_retries_total", "Requests that were sent to an endpoint once more.", metrics.retries);
  for (std::size_t i = 0; i < metrics.responses.size(); ++i) {
    page.counter("hubgate_proxy_responses_total", "Answers to clients, by class; none: ended without one.",
                 static_cast<double>(metrics.responses[i]),
                 {{"class", i == 0 ? std::string("none") : std::to_string(i) + "xx"}});
  }
  add_each<HandoverResult>(page, "hubgate_proxy_handovers_total", "Sockets given to workers, by how it ended.",
                           "result", metrics.handovers);
  add_each<Affinity>(page, "hubgate_proxy_affinity_total", "Requests on hub paths, by what their token said.",
                     "verdict", metrics.affinity);
  counter("hubgate_proxy_negotiate_unreadable_total",
          "Answers of remote endpoints to negotiates that could not be given a tag.", metrics.negotiates_unreadable);
  counter("hubgate_proxy_tunnels_opened_total", "WebSockets that were relayed.", metrics.tunnels_opened);
  page.declare_gauge("hubgate_proxy_tunnels_active", "WebSockets that are relayed now.");
  for (const auto& [key, count] : metrics.tunnels) {
    page.gauge("hubgate_proxy_tunnels_active", "", static_cast<double>(count),
               {{"route", key.first}, {"endpoint", key.second}});
  }
  add_closings(page, "hubgate_proxy_tunnels_closed_total",
               "Relayed WebSockets that ended, by who ended them and why (docs/reasons.md).", metrics.tunnels_closed);
  counter("hubgate_proxy_tunnel_bytes_in_total", "Bytes of relayed WebSockets from clients.", metrics.tunnel_bytes_in);
  counter("hubgate_proxy_tunnel_bytes_out_total", "Bytes of relayed WebSockets to clients.", metrics.tunnel_bytes_out);
  counter("hubgate_proxy_tunnels_not_frames_total", "Relayed upgrades whose bytes were no WebSocket frames.",
          metrics.tunnels_not_frames);
  add_each<http::Rejection>(page, "hubgate_proxy_http_rejected_total", "Requests that were refused as malformed.",
                            "reason", metrics.rejected);
  add_each<SourceRefusal>(page, "hubgate_proxy_source_refused_total",
                          "Connections and negotiates that were refused for where they came from.", "reason",
                          metrics.source_refused);
}

void add_access_metrics(const AccessLog& log, const HandedOverBook& book, MetricsPage& page) {
  page.counter("hubgate_proxy_access_log_written_total", "Records that left for the access log's target.",
               static_cast<double>(log.written()));
  page.counter("hubgate_proxy_access_log_dropped_total", "Records that the access log's target did not take.",
               static_cast<double>(log.dropped()));
  add_closings(page, "hubgate_proxy_handed_over_closed_total",
               "Handed-over connections that ended, by who ended them and why (docs/reasons.md).", book.closings());
}

}  // namespace hubgate::proxy
