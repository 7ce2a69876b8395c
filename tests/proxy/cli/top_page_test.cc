#include "proxy/cli/top_page.h"

#include <nlohmann/json.hpp>

#include "tests/proxy/admin/sample_status.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using nlohmann::json;
using test::contains;

namespace {

json status(const StatusReport& report) { return json::parse(to_json(report)); }

}  // namespace

TEST_CASE("rates are what came between two looks, by the time between them", "[cli]") {
  StatusReport report = test::sample_status();
  report.totals.requests = 100;
  report.pools[0].endpoints[0].messages_in = 10;
  const json before = status(report);
  report.totals.requests = 300;
  report.pools[0].endpoints[0].messages_in = 13;
  const std::string page = top_page(before, status(report), 2);
  CHECK_THAT(page, contains(" 100 requests,"));
  CHECK_THAT(page, contains("1.5"));
  CHECK_THAT(page, contains("hubgate 0.1.0  ready  revision 3"));
  CHECK_THAT(page, contains("ready, full"));
}

TEST_CASE("remote endpoints show their requests, failures and state", "[cli]") {
  StatusReport report = test::sample_status();
  const json before = status(report);
  EndpointStatus& remote = report.pools[1].endpoints[0];
  remote.requests += 50;
  remote.connect_failures += 10;
  remote.response_failures += 5;
  std::string page = top_page(before, status(report), 2);
  page = page.substr(page.find("app.internal:80"));
  CHECK_THAT(page, contains("ejected"));
  CHECK_THAT(page, contains(" 25 "));
  CHECK_THAT(page, contains(" 7.5 "));
}

TEST_CASE("counters of a proxy that was started anew count from zero", "[cli]") {
  StatusReport report = test::sample_status();
  report.totals.requests = 100;
  const json before = status(report);
  report.totals.requests = 7;
  CHECK_THAT(top_page(before, status(report), 1), contains(" 7 requests,"));
}

TEST_CASE("a status of another version, or none, is shown as far as it goes", "[cli]") {
  CHECK_THAT(top_page(json(), json::object(), 1), contains("- requests"));
  CHECK_THAT(top_page(json(), json::parse(R"({"pools":[{"endpoints":[{"name":5}]}],"totals":[]})"), 1),
             contains("POOL"));
  CHECK_THAT(top_page(json::parse("[]"), json::parse("[1]"), 0), contains("NOT READY"));
}
