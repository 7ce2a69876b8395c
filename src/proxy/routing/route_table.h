#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hubgate::proxy {

/// One `[[route]]` as written: requests whose path lies under `prefix` go to a pool, or are files of a folder.
struct Route {
  std::string prefix;                  // "/chat": whole segments; "/" is everything
  std::string pool;                    // its name, or empty where `folder` is set
  std::string folder;                  // absolute
  bool hub = false;                    // the prefix is one hub's path, also where no worker announces it
  std::vector<std::string> listeners;  // empty: every listener

  friend bool operator==(const Route&, const Route&) = default;
};

/// What a request asks of a hub, by its path alone.
enum class HubPart : std::uint8_t {
  kNone,       // no hub's path
  kConnect,    // the hub's path: the transports; `id` is looked at
  kNegotiate,  // {hub}/negotiate: an `id` in its query is the user's own
  kRefresh,    // {hub}/refresh: `id` is looked at
};

/// The paths of hubs (and of map_connection) that workers have announced, by pool. Matched as ASP.NET's: without
/// case, with an optional trailing slash. Owned by the proxy beside the snapshot: it changes with the workers.
class HubPaths {
 public:
  /// Replaces what `pool` announces; empty forgets it. Paths that do not begin with '/' are left out.
  void set(std::string_view pool, const std::vector<std::string>& paths);
  struct Match {
    std::string_view path;  // as announced, without a trailing slash; lives until the next set()
    HubPart part = HubPart::kNone;
  };
  /// For a pool and a normalised path.
  Match find(std::string_view pool, std::string_view path) const;
  struct PoolMatch {
    std::string_view pool;
    Match match;
  };
  /// Every pool that announces the path; for nearly every path there is none, and nothing is allocated then.
  std::vector<PoolMatch> find_all(std::string_view path) const;
  bool empty() const { return pools_.empty(); }
  /// Another one after each change.
  std::uint64_t revision() const { return revision_; }

 private:
  // Path in lower case → path as announced.
  using Paths = std::map<std::string, std::string, std::less<>>;
  static Match find_in(const Paths& paths, std::string_view lower_path);
  std::map<std::string, Paths, std::less<>> pools_;
  std::uint64_t revision_ = 1;
};

/// Which route serves a path. Immutable, part of a Snapshot.
class RouteTable {
 public:
  RouteTable() = default;
  explicit RouteTable(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;  // null: no route, 404. Lives as long as the table
    HubPart hub = HubPart::kNone;
  };
  /// `path` is normalised, without query. The longest prefix of whole segments wins; the prefix of a
  /// hub route, and a path that the route's pool has announced, match without case and with an optional trailing
  /// slash.
  Match find(std::string_view listener, std::string_view path, const HubPaths& announced) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  const Route* longest(std::string_view listener, std::string_view path) const;
  std::vector<Route> routes_;  // longest prefix first
};

}  // namespace hubgate::proxy
