#include "hubload/scenarios.h"

namespace hubload {
namespace {

/// Hears, says nothing.
class Silence final : public Scenario {
 public:
  bool tick(Clock::time_point) override { return true; }
  void on_record(LoadClient&, std::string_view) override {}
};

void wait(Generator& generator, Scenario& scenario, double seconds) {
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  generator.run_while(scenario, [end] { return Clock::now() < end; }, std::chrono::seconds(3600));
}

}  // namespace

Report run_idle(const Options& options) {
  Report report;
  report.connections = options.connections;
  Generator generator(options);
  Silence silence;
  const ServerMeter meter(options.pids);
  const unsigned few = options.connections / 4;
  if (generator.connect(few)) {
    wait(generator, silence, 1.5);  // what connecting needed for a moment is given back
    const double before = static_cast<double>(meter.anonymous_bytes());
    if (generator.connect(options.connections)) {
      wait(generator, silence, 1.5);
      report.bytes_per_connection =
          (static_cast<double>(meter.anonymous_bytes()) - before) / (options.connections - few);
      const double cpu = meter.cpu_seconds();
      wait(generator, silence, options.seconds);
      report.idle_cpu_per_second = (meter.cpu_seconds() - cpu) * 1e6 / options.seconds / options.connections;
      report.seconds = options.seconds;
    }
  }
  report.failed = generator.failed();
  report.failure = generator.first_failure();
  return report;
}

Report run_connect(const Options& options) {
  Report report;
  report.connections = options.connections;
  Generator generator(options);
  const ServerMeter meter(options.pids);
  const double cpu = meter.cpu_seconds();
  const auto start = Clock::now();
  generator.connect(options.connections);
  report.cpu_seconds = meter.cpu_seconds() - cpu;
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  report.sent = report.expected = options.connections;
  report.received = generator.ready();
  report.failed = generator.failed();
  report.failure = generator.first_failure();
  return report;
}

}  // namespace hubload
