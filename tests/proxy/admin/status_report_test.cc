#include "proxy/admin/status_report.h"

#include <nlohmann/json.hpp>

#include "tests/proxy/admin/sample_status.h"
#include "tests/support/catch.h"

using namespace hubgate;
using test::contains;
using test::sample_status;

TEST_CASE("the status table names every process with role and pid, listeners and endpoints", "[admin]") {
  const std::string text = to_text(sample_status());
  CHECK_THAT(text, contains("hubgate 0.1.0  ready  up 1d 02:03:04  admin 127.0.0.1:8081  runtime /run/hubgate\n"));
  CHECK_THAT(text, contains("config conf/hubgate.toml  revision 3  0123456789abcdef\n"));
  CHECK_THAT(text, contains("PROCESS     NAME    PID  GENERATION  STATE\n"
                            "supervisor  -       100  -           running\n"
                            "proxy       -       101  -           running\n"
                            "worker      main/0  102  1700000000  ready\n"
                            "redis       -       -    -           starting\n"));
  CHECK_THAT(text, contains("secure    [::1]:8443      yes\n"));
  CHECK_THAT(
      text,
      contains("main  main/0                         ready, full     7   1700000000  102  500/1000     2        480"));
  CHECK_THAT(text, contains("pool main: handover auto, 4 waiting, hubs /chat\n"));
  CHECK_THAT(text, contains("far   app.internal:80 (10.0.0.1:80)  ejected for 4s"));
  CHECK_THAT(text, contains("pool far: handover -, 0 waiting, health: GET /healthz every 2s, hubs -\n"));
  CHECK_THAT(text, contains("12 connections here, 960 handed over, 3 tunnels, 31 descriptors\n"));
}

TEST_CASE("the status says what went wrong with the configuration", "[admin]") {
  proxy::StatusReport report = sample_status();
  report.ready = false;
  report.uptime_seconds = 61;
  report.last_reload = 1'700'000'000;
  report.last_reload_ok = false;
  report.last_reload_errors = {"x.toml:1:1: error: unknown key 'y' (take it out)"};
  report.needs_restart = {"pool.main.workers: 2 -> 3"};
  report.kept_config = true;
  const std::string text = to_text(report);
  CHECK_THAT(text, contains("not ready  up 00:01:01"));
  CHECK_THAT(text, contains("reload REFUSED 2023-11-14T22:13:20Z\n"));
  CHECK_THAT(text, contains("the file is broken"));
  CHECK_THAT(text, contains("  x.toml:1:1: error: unknown key 'y' (take it out)\n"));
  CHECK_THAT(text, contains("  needs restart: pool.main.workers: 2 -> 3\n"));
}

TEST_CASE("the status as JSON has the fields of the report", "[admin]") {
  const auto json = nlohmann::json::parse(to_json(sample_status()));
  CHECK(json.at("ready") == true);
  CHECK(json.at("revision") == 3);
  CHECK(json.at("processes").size() == 4);
  CHECK(json.at("processes").at(2).at("role") == "worker");
  CHECK(json.at("processes").at(2).at("pid") == 102);
  CHECK(json.at("listeners").at(1).at("tls") == true);
  const auto& endpoint = json.at("pools").at(0).at("endpoints").at(0);
  CHECK(endpoint.at("generation") == 1700000000);
  CHECK(endpoint.at("active") == 500);
  CHECK(endpoint.at("full") == true);
  CHECK(json.at("pools").at(0).at("paths").at(0) == "/chat");
  CHECK(endpoint.at("local") == true);
  const auto& remote = json.at("pools").at(1).at("endpoints").at(0);
  CHECK(remote.at("state") == "ejected");
  CHECK(remote.at("ejected_seconds") == 4);
  CHECK(remote.at("weight") == 2);
  CHECK(remote.at("probe_failures") == 6);
  CHECK(remote.at("address") == "10.0.0.1:80");
}

TEST_CASE("texts that are no UTF-8 do not break the status", "[admin]") {
  proxy::StatusReport report = sample_status();
  report.config_file = "\xff.toml";
  CHECK(nlohmann::json::accept(to_json(report)));
}

TEST_CASE("an empty report is shown all the same", "[admin]") {
  CHECK_THAT(to_text(proxy::StatusReport{}), contains("not ready"));
  CHECK(nlohmann::json::accept(to_json(proxy::StatusReport{})));
}
