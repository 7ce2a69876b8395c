#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubgate {

/// A number that only grows. A plain integer: one writer, its loop's thread.
struct Counter {
  std::uint64_t value = 0;
  void add(std::uint64_t count = 1) noexcept { value += count; }
};

/// A number that goes up and down. One writer, its loop's thread.
struct Gauge {
  double value = 0;
  void set(double to) noexcept { value = to; }
  void add(double by) noexcept { value += by; }
};

/// How often a value fell below each of some bounds. A few plain integers: one writer, its loop's thread.
struct Histogram {
  /// Seconds; what lies above the last is counted too.
  static constexpr std::array<double, 9> kBounds = {0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5};

  std::array<std::uint64_t, kBounds.size() + 1> counts{};  // each its own, not cumulated; the last: above all bounds
  double sum = 0;
  void add(double value) noexcept;
};

/// One metric's labels, in the order in which they are shown.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// What one collection has found: families by name, each with its series. Shown as Prometheus' text format.
class MetricsPage {
 public:
  MetricsPage();
  ~MetricsPage();
  MetricsPage(const MetricsPage&) = delete;
  MetricsPage& operator=(const MetricsPage&) = delete;

  /// The first `help` and kind of a name count. The name follows architecture, "Log and metrics":
  /// hubgate_<room>_…, counters end with _total.
  void counter(std::string_view name, std::string_view help, double value, MetricLabels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, MetricLabels labels = {});
  void histogram(std::string_view name, std::string_view help, const Histogram& values, MetricLabels labels = {});
  /// The name is known although it may have no series yet.
  void declare_counter(std::string_view name, std::string_view help);
  void declare_gauge(std::string_view name, std::string_view help);

  /// A series as another process wrote it, such as `hubgate_hub_messages_total{hub="Demo.ChatHub"}`, with `extra`
  /// labels added. A counter when the name ends with _total. False, and nothing added, when `series` is malformed
  /// or has a label of `extra`: it comes from a process that may be anyone's program.
  bool series(std::string_view series, double value, const MetricLabels& extra);

  /// Families in the order of their names.
  std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

/// The counters and gauges of one process. Hot code holds a reference to its Counter; what is known elsewhere
/// (pools, workers, descriptors) is asked for at collection. One thread.
class Metrics {
 public:
  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Made at the first call, found again by the same name and labels; the reference lives as long as the registry.
  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels = {});

  /// `collect` adds to the page at every collection. Owner of what it asks: it must live as long as the registry.
  void add_collector(std::function<void(MetricsPage&)> collect) { collectors_.push_back(std::move(collect)); }

  void collect(MetricsPage& page) const;
  std::string text() const;

 private:
  template <class Number>
  struct Family {
    std::string help;
    std::map<MetricLabels, std::unique_ptr<Number>> series;
  };
  std::map<std::string, Family<Counter>, std::less<>> counters_;
  std::map<std::string, Family<Gauge>, std::less<>> gauges_;
  std::vector<std::function<void(MetricsPage&)>> collectors_;
};

}  // namespace hubgate
