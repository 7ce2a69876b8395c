#include "proxy/admin/status_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "proxy/admin/text_table.h"

namespace hubgate::proxy {
namespace {

using Json = nlohmann::ordered_json;

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }
std::string number(std::uint64_t value) { return value == 0 ? "-" : std::to_string(value); }

std::string uptime(std::uint64_t seconds) {
  const std::uint64_t days = seconds / 86400;
  char text[48];
  std::snprintf(text, sizeof text, "%llud %02llu:%02llu:%02llu", static_cast<unsigned long long>(days),
                static_cast<unsigned long long>(seconds / 3600 % 24),
                static_cast<unsigned long long>(seconds / 60 % 60), static_cast<unsigned long long>(seconds % 60));
  return days == 0 ? std::string(text).substr(3) : text;
}

std::string time_of_day(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string lag(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fms", seconds * 1000);
  return text;
}

std::string head_lines(const StatusReport& report) {
  std::string out = "hubgate " + report.version + "  " +
                    (report.stopping ? "stopping"
                     : report.ready  ? "ready"
                                     : "not ready") +
                    "  up " + uptime(report.uptime_seconds) + "  admin " + or_dash(report.admin) + "  runtime " +
                    report.runtime_dir + "\n";
  out += "config " + report.config_file + "  revision " + std::to_string(report.revision) + "  " + report.hash;
  if (report.last_reload != 0) {
    out += std::string("  reload ") + (report.last_reload_ok ? "taken " : "REFUSED ") + time_of_day(report.last_reload);
  }
  out += "\n";
  if (report.kept_config) out += "  the file is broken: the configuration kept from before is in force\n";
  for (const std::string& error : report.last_reload_errors) out += "  " + error + "\n";
  for (const std::string& line : report.needs_restart) out += "  needs restart: " + line + "\n";
  out += "redis  " + report.redis + (report.redis_state.empty() ? "" : "  " + report.redis_state) + "\n";
  return out;
}

std::string restart_text(const RestartStatus& restart) {
  if (restart.state == "none" || restart.state == "done") return "";
  std::string out = ", restart " + restart.state + " (" + std::to_string(restart.done) + " of " +
                    std::to_string(restart.slots) + " slots done";
  if (!restart.slot.empty()) out += ", " + restart.slot + (restart.draining ? " drains" : " starts");
  if (restart.draining) out += ", " + std::to_string(restart.left) + " connections left";
  return out + ")";
}

// A remote one's name, and where that led to when it is another text.
std::string name_of(const EndpointStatus& endpoint) {
  const bool is_elsewhere = !endpoint.address.empty() && endpoint.address != endpoint.name;
  return endpoint.name + (is_elsewhere ? " (" + endpoint.address + ")" : "");
}

std::string state_text(const EndpointStatus& endpoint) {
  std::string out = endpoint.state;
  if (endpoint.ejected_seconds > 0) out += " for " + std::to_string(endpoint.ejected_seconds) + "s";
  return out + (endpoint.full ? ", full" : "");
}

Json restart_json(const RestartStatus& restart) {
  return {{"number", restart.number}, {"state", restart.state},       {"slots", restart.slots}, {"done", restart.done},
          {"slot", restart.slot},     {"draining", restart.draining}, {"left", restart.left}};
}

Json endpoint_json(const EndpointStatus& endpoint) {
  return {{"name", endpoint.name},
          {"id", endpoint.id},
          {"generation", endpoint.generation},
          {"pid", endpoint.pid},
          {"state", endpoint.state},
          {"full", endpoint.full},
          {"failed", endpoint.failed},
          {"outdated", endpoint.outdated},
          {"active", endpoint.active},
          {"pending", endpoint.pending},
          {"max_connections", endpoint.max_connections},
          {"handed_over", endpoint.handed_over},
          {"tunnels", endpoint.tunnels},
          {"redis_state", endpoint.redis_state},
          {"messages_in", endpoint.messages_in},
          {"messages_out", endpoint.messages_out},
          {"loop_lag_seconds", endpoint.loop_lag_seconds},
          {"restarts", endpoint.restarts},
          {"local", endpoint.local},
          {"up", endpoint.up},
          {"address", endpoint.address},
          {"weight", endpoint.weight},
          {"ejected_seconds", endpoint.ejected_seconds},
          {"requests", endpoint.requests},
          {"connect_failures", endpoint.connect_failures},
          {"response_failures", endpoint.response_failures},
          {"probes", endpoint.probes},
          {"probe_failures", endpoint.probe_failures},
          {"ejections", endpoint.ejections}};
}

}  // namespace

std::string to_text(const StatusReport& report) {
  std::string out = head_lines(report) + "\n";

  TextTable processes({"PROCESS", "NAME", "PID", "GENERATION", "STATE"});
  for (const ProcessStatus& process : report.processes) {
    processes.add({process.role, or_dash(process.name), process.pid == 0 ? "-" : std::to_string(process.pid),
                   number(process.generation), or_dash(process.state)});
  }
  out += processes.text() + "\n";

  TextTable listeners({"LISTENER", "ADDRESS", "TLS"});
  for (const ListenerStatus& listener : report.listeners) {
    listeners.add({listener.name, listener.address, listener.tls ? "yes" : "no"});
  }
  out += listeners.text() + "\n";

  TextTable endpoints({"POOL", "ENDPOINT", "STATE", "ID", "GENERATION", "PID", "CONNECTIONS", "PENDING", "HANDED OVER",
                       "TUNNELS", "REDIS", "LAG", "RESTARTS"});
  for (const PoolStatus& pool : report.pools) {
    for (const EndpointStatus& endpoint : pool.endpoints) {
      std::string connections = std::to_string(endpoint.active);
      if (endpoint.max_connections != 0) connections += "/" + std::to_string(endpoint.max_connections);
      endpoints.add({pool.name, name_of(endpoint), state_text(endpoint), std::to_string(endpoint.id),
                     number(endpoint.generation), number(static_cast<std::uint64_t>(endpoint.pid)), connections,
                     std::to_string(endpoint.pending), std::to_string(endpoint.handed_over),
                     std::to_string(endpoint.tunnels), or_dash(endpoint.redis_state), lag(endpoint.loop_lag_seconds),
                     std::to_string(endpoint.restarts)});
    }
  }
  out += endpoints.text();
  for (const PoolStatus& pool : report.pools) {
    out += "pool " + pool.name + ": handover " + or_dash(pool.handover) + ", " + std::to_string(pool.queued) +
           " waiting" + restart_text(pool.restart) + (pool.health.empty() ? "" : ", health: " + pool.health) + ", hubs";
    if (pool.paths.empty()) out += " -";
    for (const std::string& path : pool.paths) out += " " + path;
    out += "\n";
  }
  out += "\n" + std::to_string(report.downstream_connections) + " connections here, " +
         std::to_string(report.handed_over) + " handed over, " + std::to_string(report.tunnels) + " tunnels, " +
         std::to_string(report.descriptors) + " descriptors\n";
  return out;
}

std::string to_json(const StatusReport& report) {
  Json json = {{"version", report.version},
               {"ready", report.ready},
               {"stopping", report.stopping},
               {"uptime_seconds", report.uptime_seconds},
               {"runtime_dir", report.runtime_dir},
               {"admin", report.admin},
               {"config_file", report.config_file},
               {"revision", report.revision},
               {"hash", report.hash},
               {"kept_config", report.kept_config},
               {"last_reload", report.last_reload},
               {"last_reload_ok", report.last_reload_ok},
               {"last_reload_errors", report.last_reload_errors},
               {"needs_restart", report.needs_restart},
               {"redis", report.redis},
               {"redis_state", report.redis_state},
               {"downstream_connections", report.downstream_connections},
               {"handed_over", report.handed_over},
               {"tunnels", report.tunnels},
               {"descriptors", report.descriptors}};
  json["access_log"] = report.access_log;
  json["totals"] = {{"connections", report.totals.connections},
                    {"requests", report.totals.requests},
                    {"server_errors", report.totals.server_errors},
                    {"rejected", report.totals.rejected},
                    {"retries", report.totals.retries},
                    {"handovers", report.totals.handovers},
                    {"tunnels", report.totals.tunnels},
                    {"log_dropped", report.totals.log_dropped}};
  json["processes"] = Json::array();
  for (const ProcessStatus& process : report.processes) {
    json["processes"].push_back({{"role", process.role},
                                 {"name", process.name},
                                 {"pid", process.pid},
                                 {"generation", process.generation},
                                 {"state", process.state}});
  }
  json["listeners"] = Json::array();
  for (const ListenerStatus& listener : report.listeners) {
    json["listeners"].push_back({{"name", listener.name}, {"address", listener.address}, {"tls", listener.tls}});
  }
  json["pools"] = Json::array();
  for (const PoolStatus& pool : report.pools) {
    Json endpoints = Json::array();
    for (const EndpointStatus& endpoint : pool.endpoints) endpoints.push_back(endpoint_json(endpoint));
    json["pools"].push_back({{"name", pool.name},
                             {"command", pool.command},
                             {"handover", pool.handover},
                             {"health", pool.health},
                             {"queued", pool.queued},
                             {"paths", pool.paths},
                             {"retired", pool.retired},
                             {"restart", restart_json(pool.restart)},
                             {"endpoints", std::move(endpoints)}});
  }
  // Texts come from files and other processes: what is no UTF-8 is replaced, never thrown at.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hubgate::proxy
