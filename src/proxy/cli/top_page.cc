#include "proxy/cli/top_page.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "proxy/admin/text_table.h"

namespace hubgate::proxy {
namespace {

using nlohmann::json;

// A number below any of the named levels; nothing there: NaN.
double number_at(const json& from, std::string_view name) {
  const auto place = from.is_object() ? from.find(std::string(name)) : from.end();
  return from.is_object() && place != from.end() && place->is_number() ? place->get<double>() : std::nan("");
}

std::string text_at(const json& from, std::string_view name) {
  const auto place = from.is_object() ? from.find(std::string(name)) : from.end();
  return from.is_object() && place != from.end() && place->is_string() && !place->get_ref<const std::string&>().empty()
             ? place->get<std::string>()
             : "-";
}

std::string shown(double value) {
  if (std::isnan(value)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 10 && value != std::floor(value) ? "%.1f" : "%.0f", value);
  return text.data();
}

// A counter that fell was started anew.
std::string rate(const json& before, const json& now, std::string_view name, double seconds) {
  const double after = number_at(now, name);
  double first = number_at(before, name);
  if (std::isnan(after) || seconds <= 0) return "-";
  if (std::isnan(first) || first > after) first = 0;
  return shown((after - first) / seconds);
}

// Requests that the endpoint failed, in whichever way.
std::string failure_rate(const json& before, const json& now, double seconds) {
  const auto failures = [](const json& from) {
    return json({{"sum", number_at(from, "connect_failures") + number_at(from, "response_failures")}});
  };
  return rate(failures(before), failures(now), "sum", seconds);
}

const json& member(const json& from, const char* name) {
  static const json kNone;
  const auto place = from.is_object() ? from.find(name) : from.end();
  return from.is_object() && place != from.end() ? *place : kNone;
}

const json& same_endpoint(const json& before, const json& pool, const json& endpoint) {
  static const json kNone;
  for (const json& other_pool : member(before, "pools")) {
    if (member(other_pool, "name") != member(pool, "name")) continue;
    for (const json& other : member(other_pool, "endpoints")) {
      if (member(other, "name") == member(endpoint, "name") &&
          member(other, "generation") == member(endpoint, "generation")) {
        return other;
      }
    }
  }
  return kNone;
}

std::string flag(const json& from, const char* name, std::string_view yes, std::string_view no) {
  const json& value = member(from, name);
  return std::string(value.is_boolean() && value.get<bool>() ? yes : no);
}

}  // namespace

std::string top_page(const json& before, const json& now, double seconds) {
  const json& totals = member(now, "totals");
  const json& earlier = member(before, "totals");
  std::string page = "hubgate " + text_at(now, "version") + "  " + flag(now, "ready", "ready", "NOT READY") +
                     flag(now, "stopping", "  stopping", "") + "  revision " + shown(number_at(now, "revision")) +
                     flag(now, "last_reload_ok", "", "  LAST RELOAD REFUSED") + "  redis " +
                     text_at(now, "redis_state") + "\n";
  page += "connections " + shown(number_at(now, "downstream_connections")) + " here, " +
          shown(number_at(now, "handed_over")) + " handed over, " + shown(number_at(now, "tunnels")) + " tunnels, " +
          shown(number_at(now, "descriptors")) + " descriptors\n";
  page += "per second: " + rate(earlier, totals, "connections", seconds) + " connections, " +
          rate(earlier, totals, "requests", seconds) + " requests, " + rate(earlier, totals, "handovers", seconds) +
          " handovers, " + rate(earlier, totals, "tunnels", seconds) + " tunnels, " +
          rate(earlier, totals, "server_errors", seconds) + " answers 5xx, " +
          rate(earlier, totals, "rejected", seconds) + " rejected\n\n";

  TextTable table({"POOL", "ENDPOINT", "STATE", "PID", "CONNECTIONS", "PENDING", "QUEUED", "REQ/S", "FAIL/S", "IN/S",
                   "OUT/S", "REDIS", "LAG ms", "RESTARTS"});
  for (const json& pool : member(now, "pools")) {
    for (const json& endpoint : member(pool, "endpoints")) {
      const json& old = same_endpoint(before, pool, endpoint);
      table.add({text_at(pool, "name"), text_at(endpoint, "name"),
                 text_at(endpoint, "state") + flag(endpoint, "full", ", full", ""), shown(number_at(endpoint, "pid")),
                 shown(number_at(endpoint, "active")), shown(number_at(endpoint, "pending")),
                 shown(number_at(pool, "queued")), rate(old, endpoint, "requests", seconds),
                 failure_rate(old, endpoint, seconds), rate(old, endpoint, "messages_in", seconds),
                 rate(old, endpoint, "messages_out", seconds), text_at(endpoint, "redis_state"),
                 shown(number_at(endpoint, "loop_lag_seconds") * 1000), shown(number_at(endpoint, "restarts"))});
    }
  }
  return page + table.text();
}

}  // namespace hubgate::proxy
