#include "proxy/admin/status_metrics.h"

#include <set>
#include <sstream>

#include "tests/proxy/admin/sample_status.h"
#include "tests/support/catch.h"

using namespace hubgate;
using test::contains;
using test::sample_status;

namespace {

std::string metrics_of(const proxy::StatusReport& report) {
  MetricsPage page;
  add_status_metrics(report, page);
  return page.text();
}

}  // namespace

TEST_CASE("metrics tell the configuration's revision and the last reload", "[admin][metrics]") {
  proxy::StatusReport report = sample_status();
  CHECK_THAT(metrics_of(report), contains("\nhubgate_proxy_config_revision 3\n"));
  CHECK_THAT(metrics_of(report), contains("\nhubgate_proxy_config_last_reload_success 1\n"));
  CHECK_THAT(metrics_of(report), contains("\nhubgate_proxy_config_last_reload_timestamp_seconds 0\n"));
  CHECK_THAT(metrics_of(report), contains("\nhubgate_proxy_descriptors 31\n"));
  report.last_reload = 1'700'000'000;
  report.last_reload_ok = false;
  CHECK_THAT(metrics_of(report), contains("\nhubgate_proxy_config_last_reload_success 0\n"));
  CHECK_THAT(metrics_of(report), contains("\nhubgate_proxy_config_last_reload_timestamp_seconds 1700000000\n"));
  report.last_reload_ok = true;
  report.kept_config = true;
  CHECK_THAT(metrics_of(report), contains("\nhubgate_proxy_config_last_reload_success 0\n"));
}

TEST_CASE("workers' own series carry pool and endpoint, unreadable ones are counted", "[admin][metrics]") {
  const std::string text = metrics_of(sample_status());
  CHECK_THAT(text, contains("hubgate_hub_connections{hub=\"Demo.ChatHub\",pool=\"main\",endpoint=\"main/0\"} 500\n"));
  CHECK_THAT(text, contains("hubgate_proxy_worker_series_unreadable{pool=\"main\"} 2\n"));
  CHECK_THAT(text, contains("hubgate_proxy_worker_up{pool=\"main\",endpoint=\"main/0\"} 1\n"));
  CHECK_THAT(text, contains("hubgate_proxy_handed_over_active{pool=\"main\",endpoint=\"main/0\"} 480\n"));
  CHECK(text.find("hubgate_proxy_worker_up{pool=\"far\"") == std::string::npos);
}

TEST_CASE("remote endpoints show whether they are up, and how often they failed", "[admin][metrics]") {
  proxy::StatusReport report = sample_status();
  const std::string labels = "{pool=\"far\",endpoint=\"app.internal:80\"} ";
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_up" + labels + "0\n"));
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_requests_total" + labels + "100\n"));
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_connect_failures_total" + labels + "5\n"));
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_response_failures_total" + labels + "0\n"));
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_probes_total" + labels + "50\n"));
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_probe_failures_total" + labels + "6\n"));
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_ejections_total" + labels + "1\n"));
  CHECK(metrics_of(report).find("hubgate_proxy_endpoint_up{pool=\"main\"") == std::string::npos);
  report.pools[1].endpoints[0].up = true;
  CHECK_THAT(metrics_of(report), contains("hubgate_proxy_endpoint_up" + labels + "1\n"));
  report.pools.pop_back();
  CHECK_THAT(metrics_of(report), contains("# TYPE hubgate_proxy_endpoint_up gauge\n"));  // known all the same
}

TEST_CASE("no series appears twice, not even with two generations in a slot", "[admin][metrics]") {
  std::istringstream text(metrics_of(sample_status()));
  std::set<std::string> seen;
  std::string line;
  while (std::getline(text, line)) {
    if (line.starts_with('#')) continue;
    CAPTURE(line);
    CHECK(seen.insert(line.substr(0, line.rfind(' '))).second);
  }
  CHECK(seen.contains("hubgate_proxy_worker_up{pool=\"main\",endpoint=\"main/0@1699999999\"}"));
}
