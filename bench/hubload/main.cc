#include <cinttypes>
#include <cstdio>

#include "hubload/scenarios.h"

int main(int argc, char** argv) {
  const hubload::Options options = hubload::parse_options(argc, argv);
  const hubload::Report report = hubload::run_scenario(options);
  const double per_million = report.received == 0 ? 0 : report.cpu_seconds * 1e6 / static_cast<double>(report.received);
  std::printf("{\"scenario\":\"%s\",\"connections\":%u,\"sent\":%" PRIu64 ",\"expected\":%" PRIu64
              ",\"received\":%" PRIu64 ",\"doubled\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"changed\":%" PRIu64
              ",\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"cpu_per_million\":%.3f,\"load_cpu_seconds\":%.3f,"
              "\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64 ",\"last_p50_us\":%" PRIu64 ",\"last_p99_us\":%" PRIu64
              ",\"samples\":%" PRIu64
              ",\"bytes_per_connection\":%.1f,\"idle_cpu_us_per_s\":%.3f,\"failed\":%u,\"failure\":\"%s\"}\n",
              options.scenario.c_str(), report.connections, report.sent, report.expected, report.received,
              report.doubled, report.reordered, report.changed, report.seconds, report.cpu_seconds, per_million,
              report.load_cpu_seconds, report.latency.percentile(0.5), report.latency.percentile(0.99),
              report.last.percentile(0.5), report.last.percentile(0.99), report.latency.count(),
              report.bytes_per_connection, report.idle_cpu_per_second, report.failed, report.failure.c_str());
  return report.is_clean() ? 0 : 1;
}
