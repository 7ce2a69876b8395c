#include "common/base/metrics.h"

#include "tests/support/catch.h"

using namespace hubgate;
using test::contains;

TEST_CASE("a counter is found again by its name and labels", "[base][metrics]") {
  Metrics metrics;
  Counter& acked = metrics.counter("hubgate_proxy_handovers_total", "Handovers by result.", {{"result", "acked"}});
  Counter& refused = metrics.counter("hubgate_proxy_handovers_total", "Handovers by result.", {{"result", "refused"}});
  acked.add();
  metrics.counter("hubgate_proxy_handovers_total", "", {{"result", "acked"}}).add(2);
  CHECK(acked.value == 3);
  CHECK(refused.value == 0);
}

TEST_CASE("metrics are shown in Prometheus' text format, one head a family", "[base][metrics]") {
  Metrics metrics;
  metrics.counter("hubgate_proxy_handovers_total", "Handovers by result.", {{"result", "acked"}}).add(200);
  metrics.counter("hubgate_proxy_handovers_total", "Handovers by result.", {{"result", "full"}});
  metrics.gauge("hubgate_proxy_descriptors", "Open descriptors.").set(31);
  metrics.add_collector([](MetricsPage& page) { page.gauge("hubgate_proxy_config_revision", "Revision.", 7); });
  CHECK(metrics.text() ==
        "# HELP hubgate_proxy_config_revision Revision.\n"
        "# TYPE hubgate_proxy_config_revision gauge\n"
        "hubgate_proxy_config_revision 7\n"
        "# HELP hubgate_proxy_descriptors Open descriptors.\n"
        "# TYPE hubgate_proxy_descriptors gauge\n"
        "hubgate_proxy_descriptors 31\n"
        "# HELP hubgate_proxy_handovers_total Handovers by result.\n"
        "# TYPE hubgate_proxy_handovers_total counter\n"
        "hubgate_proxy_handovers_total{result=\"acked\"} 200\n"
        "hubgate_proxy_handovers_total{result=\"full\"} 0\n");
}

TEST_CASE("another process' series gets the labels of its endpoint added", "[base][metrics]") {
  MetricsPage page;
  const MetricLabels extra = {{"pool", "main"}, {"endpoint", "0"}};
  CHECK(page.series("hubgate_hub_connections", 12, extra));
  CHECK(page.series("hubgate_hub_messages_total{hub=\"Demo.\\\"Chat\\\\Hub\"}", 3, extra));
  CHECK(page.series("hubgate_hub_empty{}", 1, extra));
  CHECK_THAT(page.text(), contains("hubgate_hub_connections{pool=\"main\",endpoint=\"0\"} 12\n"));
  CHECK_THAT(page.text(),
             contains("# TYPE hubgate_hub_messages_total counter\n"
                      "hubgate_hub_messages_total{hub=\"Demo.\\\"Chat\\\\Hub\",pool=\"main\",endpoint=\"0\"} 3\n"));
}

TEST_CASE("malformed series of another process add nothing", "[base][metrics]") {
  const std::string_view series =
      GENERATE(as<std::string_view>{}, "", "1a", "a b", "a{", "a{b}", "a{b=c}", "a{b=\"c}", "a{b=\"c\"", "a{b=\"c\"}x",
               "a{b=\"c\"d=\"e\"}", "a{b=\"\\x\"}", "a{b=\"c\",b=\"d\"}", "a{pool=\"mine\"}", "a\n", "{}");
  CAPTURE(series);
  MetricsPage page;
  CHECK_FALSE(page.series(series, 1, {{"pool", "main"}}));
  CHECK(page.text().empty());
}

TEST_CASE("a histogram counts each value up to the bound that it does not pass", "[base]") {
  Histogram waits;
  for (const double value : {0.0005, 0.001, 0.3, 100.0}) waits.add(value);
  MetricsPage page;
  page.histogram("hubgate_x_wait_seconds", "Waits.", waits, {{"pool", "main"}});
  const std::string text = page.text();
  CHECK_THAT(text, contains("# TYPE hubgate_x_wait_seconds histogram\n"));
  CHECK_THAT(text, contains("hubgate_x_wait_seconds_bucket{pool=\"main\",le=\"0.001\"} 2\n"));
  CHECK_THAT(text, contains("hubgate_x_wait_seconds_bucket{pool=\"main\",le=\"0.5\"} 3\n"));
  CHECK_THAT(text, contains("hubgate_x_wait_seconds_bucket{pool=\"main\",le=\"+Inf\"} 4\n"));
  CHECK_THAT(text, contains("hubgate_x_wait_seconds_count{pool=\"main\"} 4\n"));
  CHECK_FALSE(page.series("hubgate_x_wait_seconds", 1, {}));
}

TEST_CASE("a declared name is shown before it has a series", "[base]") {
  MetricsPage page;
  page.declare_counter("hubgate_x_total", "Xs.");
  page.declare_gauge("hubgate_y", "Ys.");
  CHECK_THAT(page.text(), contains("# TYPE hubgate_x_total counter\n"));
  CHECK_THAT(page.text(), contains("# TYPE hubgate_y gauge\n"));
}
