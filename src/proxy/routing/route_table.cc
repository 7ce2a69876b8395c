#include "proxy/routing/route_table.h"

#include <algorithm>

#include "common/base/ascii.h"

namespace hubgate::proxy {
namespace {

constexpr std::string_view kNegotiate = "/negotiate";
constexpr std::string_view kRefresh = "/refresh";

std::string_view without_trailing_slash(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// Whether `path` is the prefix or lies below it, by whole segments.
bool lies_under(std::string_view path, const Route& route) {
  const std::string_view prefix = without_trailing_slash(route.prefix);
  if (path.size() > prefix.size() && path[prefix.size()] != '/') return false;
  return route.hub ? starts_with_ignoring_case(path, prefix) : path.starts_with(prefix);
}

bool listens(const Route& route, std::string_view listener) {
  return route.listeners.empty() ||
         std::find(route.listeners.begin(), route.listeners.end(), listener) != route.listeners.end();
}

// What the rest of a path behind a hub's own says.
HubPart part_of(std::string_view rest) {
  rest = without_trailing_slash(rest);
  if (rest.empty()) return HubPart::kConnect;
  if (equals_ignoring_case(rest, kNegotiate)) return HubPart::kNegotiate;
  if (equals_ignoring_case(rest, kRefresh)) return HubPart::kRefresh;
  return HubPart::kNone;
}

}  // namespace

void HubPaths::set(std::string_view pool, const std::vector<std::string>& paths) {
  Paths known;
  for (const std::string& path : paths) {
    if (!path.starts_with('/')) continue;
    std::string announced(without_trailing_slash(path));
    std::string lower = to_lower(announced);
    known.insert_or_assign(std::move(lower), std::move(announced));
  }
  const auto old = pools_.find(pool);
  if (old == pools_.end() ? known.empty() : old->second == known) return;
  ++revision_;
  if (known.empty()) {
    if (const auto place = pools_.find(pool); place != pools_.end()) pools_.erase(place);
  } else {
    pools_.insert_or_assign(std::string(pool), std::move(known));
  }
}

HubPaths::Match HubPaths::find_in(const Paths& paths, std::string_view lower_path) {
  const std::string_view path = without_trailing_slash(lower_path);
  if (const auto place = paths.find(path); place != paths.end()) return {place->second, HubPart::kConnect};
  for (const std::string_view suffix : {kNegotiate, kRefresh}) {
    if (!path.ends_with(suffix)) continue;
    const auto place = paths.find(path.substr(0, path.size() - suffix.size()));
    if (place != paths.end()) return {place->second, suffix == kNegotiate ? HubPart::kNegotiate : HubPart::kRefresh};
  }
  return {};
}

HubPaths::Match HubPaths::find(std::string_view pool, std::string_view path) const {
  const auto place = pools_.find(pool);
  return place == pools_.end() ? Match{} : find_in(place->second, to_lower(path));
}

std::vector<HubPaths::PoolMatch> HubPaths::find_all(std::string_view path) const {
  std::vector<PoolMatch> found;
  if (pools_.empty()) return found;
  const std::string lower = to_lower(path);
  for (const auto& [pool, paths] : pools_) {
    const Match match = find_in(paths, lower);
    if (match.part != HubPart::kNone) found.push_back({pool, match});
  }
  return found;
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
  std::stable_sort(routes_.begin(), routes_.end(), [](const Route& a, const Route& b) {
    return without_trailing_slash(a.prefix).size() > without_trailing_slash(b.prefix).size();
  });
}

const Route* RouteTable::longest(std::string_view listener, std::string_view path) const {
  for (const Route& route : routes_) {
    if (lies_under(path, route) && listens(route, listener)) return &route;
  }
  return nullptr;
}

RouteTable::Match RouteTable::find(std::string_view listener, std::string_view path, const HubPaths& announced) const {
  // A hub's path is routed as its worker spells it, whatever the client's spelling; only to the pool that announced it.
  for (const HubPaths::PoolMatch& hub : announced.find_all(path)) {
    std::string spelled(hub.match.path);
    spelled += path.substr(spelled.size());
    const Route* route = longest(listener, spelled);
    if (route != nullptr && route->pool == hub.pool) return {route, hub.match.part};
  }
  const Route* route = longest(listener, path);
  if (route == nullptr || !route->hub) return {route, HubPart::kNone};
  return {route, part_of(path.substr(without_trailing_slash(route->prefix).size()))};
}

}  // namespace hubgate::proxy
