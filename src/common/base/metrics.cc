#include "common/base/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace hubgate {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

// Takes a metric's or label's name off the front of `text`; empty when there is none.
std::string_view take_name(std::string_view& text, bool colons) {
  std::size_t length = 0;
  if (!text.empty() && (is_name_start(text[0]) || (colons && text[0] == ':'))) {
    while (length < text.size() && (is_name_char(text[length]) || (colons && text[length] == ':'))) ++length;
  }
  const std::string_view name = text.substr(0, length);
  text.remove_prefix(length);
  return name;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::string> take_quoted(std::string_view& text) {
  if (!take(text, '"')) return std::nullopt;
  std::string value;
  while (!text.empty() && text[0] != '"') {
    if (text[0] == '\\') {
      if (text.size() < 2) return std::nullopt;
      switch (text[1]) {
        case 'n': value += '\n'; break;
        case '\\': value += '\\'; break;
        case '"': value += '"'; break;
        default: return std::nullopt;
      }
      text.remove_prefix(2);
    } else {
      value += text[0];
      text.remove_prefix(1);
    }
  }
  if (!take(text, '"')) return std::nullopt;
  return value;
}

std::optional<MetricLabels> take_labels(std::string_view text) {
  MetricLabels labels;
  if (text.empty()) return labels;
  if (!take(text, '{')) return std::nullopt;
  while (!take(text, '}')) {
    const std::string_view name = take_name(text, false);
    if (name.empty() || !take(text, '=')) return std::nullopt;
    auto value = take_quoted(text);
    if (!value) return std::nullopt;
    labels.emplace_back(name, *std::move(value));
    if (!take(text, ',') && (text.empty() || text[0] != '}')) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return labels;
}

bool has_name_twice(const MetricLabels& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::size_t j = i + 1; j < labels.size(); ++j) {
      if (labels[i].first == labels[j].first) return true;
    }
  }
  return false;
}

}  // namespace

struct MetricsPage::Families {
  std::map<std::string, MetricFamily, std::less<>> by_name;

  MetricFamily& family_of(std::string_view name, std::string_view help, MetricType type) {
    auto [place, added] = by_name.try_emplace(std::string(name));
    MetricFamily& family = place->second;
    if (added) {
      family.name = place->first;
      family.help = std::string(help);
      family.type = type;
    }
    return family;
  }

  static ClientMetric labelled(MetricLabels labels) {
    ClientMetric metric;
    metric.label.reserve(labels.size());
    for (auto& [label, text] : labels) metric.label.push_back({std::move(label), std::move(text)});
    return metric;
  }

  void add(std::string_view name, std::string_view help, MetricType type, double value, MetricLabels labels) {
    MetricFamily& family = family_of(name, help, type);
    ClientMetric metric = labelled(std::move(labels));
    if (family.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family.metric.push_back(std::move(metric));
  }
};

void Histogram::add(double value) noexcept {
  const auto place = std::lower_bound(kBounds.begin(), kBounds.end(), value);  // a bound belongs to its bucket
  ++counts[static_cast<std::size_t>(place - kBounds.begin())];
  sum += value;
}

MetricsPage::MetricsPage() : families_(std::make_unique<Families>()) {}
MetricsPage::~MetricsPage() = default;

void MetricsPage::counter(std::string_view name, std::string_view help, double value, MetricLabels labels) {
  families_->add(name, help, MetricType::Counter, value, std::move(labels));
}

void MetricsPage::gauge(std::string_view name, std::string_view help, double value, MetricLabels labels) {
  families_->add(name, help, MetricType::Gauge, value, std::move(labels));
}

void MetricsPage::histogram(std::string_view name, std::string_view help, const Histogram& values,
                            MetricLabels labels) {
  MetricFamily& family = families_->family_of(name, help, MetricType::Histogram);
  if (family.type != MetricType::Histogram) return;
  ClientMetric metric = Families::labelled(std::move(labels));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    below += values.counts[i];
    const bool is_last = i == Histogram::kBounds.size();
    metric.histogram.bucket.push_back(
        {below, is_last ? std::numeric_limits<double>::infinity() : Histogram::kBounds[i]});
  }
  metric.histogram.sample_count = below;
  metric.histogram.sample_sum = values.sum;
  family.metric.push_back(std::move(metric));
}

void MetricsPage::declare_counter(std::string_view name, std::string_view help) {
  families_->family_of(name, help, MetricType::Counter);
}

void MetricsPage::declare_gauge(std::string_view name, std::string_view help) {
  families_->family_of(name, help, MetricType::Gauge);
}

bool MetricsPage::series(std::string_view series, double value, const MetricLabels& extra) {
  const std::string_view name = take_name(series, true);
  if (name.empty()) return false;
  auto labels = take_labels(series);
  if (!labels) return false;
  labels->insert(labels->end(), extra.begin(), extra.end());
  if (has_name_twice(*labels)) return false;
  const auto known = families_->by_name.find(name);
  if (known != families_->by_name.end() && known->second.type == MetricType::Histogram) return false;
  const MetricType type = name.ends_with("_total") ? MetricType::Counter : MetricType::Gauge;
  families_->add(name, "", type, value, *std::move(labels));
  return true;
}

std::string MetricsPage::text() const {
  std::vector<MetricFamily> families;
  families.reserve(families_->by_name.size());
  for (const auto& [name, family] : families_->by_name) families.push_back(family);
  const prometheus::TextSerializer serializer;
  return static_cast<const prometheus::Serializer&>(serializer).Serialize(families);
}

Counter& Metrics::counter(std::string_view name, std::string_view help, MetricLabels labels) {
  Family<Counter>& family = counters_.try_emplace(std::string(name)).first->second;
  if (family.help.empty()) family.help = std::string(help);
  auto& number = family.series[std::move(labels)];
  if (!number) number = std::make_unique<Counter>();
  return *number;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, MetricLabels labels) {
  Family<Gauge>& family = gauges_.try_emplace(std::string(name)).first->second;
  if (family.help.empty()) family.help = std::string(help);
  auto& number = family.series[std::move(labels)];
  if (!number) number = std::make_unique<Gauge>();
  return *number;
}

void Metrics::collect(MetricsPage& page) const {
  for (const auto& [name, family] : counters_) {
    for (const auto& [labels, number] : family.series) {
      page.counter(name, family.help, static_cast<double>(number->value), labels);
    }
  }
  for (const auto& [name, family] : gauges_) {
    for (const auto& [labels, number] : family.series) page.gauge(name, family.help, number->value, labels);
  }
  for (const auto& collect_more : collectors_) collect_more(page);
}

std::string Metrics::text() const {
  MetricsPage page;
  collect(page);
  return page.text();
}

}  // namespace hubgate
