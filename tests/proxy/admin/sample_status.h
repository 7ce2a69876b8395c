#pragma once

#include "proxy/admin/status_report.h"

namespace hubgate::test {

/// A gateway with two workers, one of them in two generations, and a remote endpoint.
inline proxy::StatusReport sample_status() {
  proxy::StatusReport report;
  report.version = "0.1.0";
  report.ready = true;
  report.uptime_seconds = 93784;
  report.runtime_dir = "/run/hubgate";
  report.admin = "127.0.0.1:8081";
  report.config_file = "conf/hubgate.toml";
  report.revision = 3;
  report.hash = "0123456789abcdef";
  report.redis = "managed";
  report.redis_state = "ready";
  report.processes = {{"supervisor", "", 100, 0, "running"},
                      {"proxy", "", 101, 0, "running"},
                      {"worker", "main/0", 102, 1700000000, "ready"},
                      {"redis", "", 0, 0, "starting"}};
  report.listeners = {{"public", "127.0.0.1:8080", false}, {"secure", "[::1]:8443", true}};
  proxy::EndpointStatus worker;
  worker.name = "main/0";
  worker.id = 7;
  worker.generation = 1700000000;
  worker.pid = 102;
  worker.state = "ready";
  worker.local = true;
  worker.full = true;
  worker.active = 500;
  worker.pending = 2;
  worker.max_connections = 1000;
  worker.redis_state = "ready";
  worker.loop_lag_seconds = 0.0015;
  worker.restarts = 1;
  worker.handed_over = 480;
  worker.stats = {{"hubgate_hub_connections{hub=\"Demo.ChatHub\"}", 500}, {"not a series{", 1}};
  proxy::EndpointStatus older = worker;
  older.generation = 1699999999;
  older.pid = 99;
  older.state = "draining";
  older.full = false;
  proxy::EndpointStatus remote;
  remote.name = "app.internal:80";
  remote.id = 8;
  remote.state = "ejected";
  remote.address = "10.0.0.1:80";
  remote.ejected_seconds = 4;
  remote.weight = 2;
  remote.requests = 100;
  remote.connect_failures = 5;
  remote.probes = 50;
  remote.probe_failures = 6;
  remote.ejections = 1;
  report.pools = {{"main", {"hubgate-worker"}, "auto", 4, {"/chat"}, {worker, older}},
                  {"far", {}, "", 0, {}, {remote}}};
  report.pools[1].health = "GET /healthz every 2s";
  report.downstream_connections = 12;
  report.tunnels = 3;
  report.handed_over = 960;
  report.descriptors = 31;
  return report;
}

}  // namespace hubgate::test
