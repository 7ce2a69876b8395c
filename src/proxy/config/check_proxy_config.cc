#include "proxy/config/check_proxy_config.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "common/base/ascii.h"
#include "common/net/address.h"
#include "common/net/cidr.h"
#include "proxy/config/endpoint_address.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {
namespace {

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

/// Walks one configuration; each check is one function.
class Checker {
 public:
  explicit Checker(const ProxyConfig& config) : config_(config) {}

  std::vector<ConfigProblem> check() {
    check_directories();
    check_users();
    check_redis();
    check_admin();
    check_limits();
    check_later();
    check_listeners();
    for (const PoolConfig& pool : config_.pools) check_pool(pool);
    for (std::size_t i = 0; i < config_.routes.size(); ++i) check_route(i);
    return std::move(problems_);
  }

 private:
  void problem(std::string key, std::string what) { problems_.push_back({std::move(key), std::move(what)}); }

  void check_directories() {
    if (config_.runtime_dir == config_.state_dir) {
      problem("state_dir", "runtime_dir and state_dir are the same folder (give each its own)");
    }
    // The longest socket in it: of managed Redis, below the supervisor's pid of up to seven digits.
    const std::size_t longest = std::string_view("/run-4194304/redis.sock").size();
    if (config_.runtime_dir.size() + longest > kMaxSocketPath) {
      problem("runtime_dir", "the path is too long for the sockets in it (at most " +
                                 std::to_string(kMaxSocketPath - longest) + " bytes)");
    }
  }

  void check_users() {
    if (!config_.user.empty() && ::getpwnam(config_.user.c_str()) == nullptr) {
      problem("user", "there is no user " + in_quotes(config_.user) + " (make it, or leave user empty)");
    }
    if (config_.redis_group.empty()) return;
    if (::getgrnam(config_.redis_group.c_str()) == nullptr) {
      problem("redis_group", "there is no group " + in_quotes(config_.redis_group) + " (make it, or leave it empty)");
    }
    if (!config_.has_managed_redis()) {
      problem("redis_group", "redis_group is for managed Redis only (take it out, or write redis = \"managed\")");
    }
  }

  void check_redis() {
    const std::string& redis = config_.redis.reveal();
    if (redis == "off") {
      std::uint64_t workers = 0;
      for (const PoolConfig& pool : config_.pools) workers += pool.is_local() ? pool.workers : 0;
      if (workers > 1) {
        problem("redis", "without Redis groups and broadcasts do not cross workers, and there are " +
                             std::to_string(workers) + " (write redis = \"managed\", or one worker in all)");
      }
      return;
    }
    if (redis == "managed") return;
    const bool is_path = redis.starts_with("unix:/");
    const bool is_url = starts_with_ignoring_case(redis, "redis://") || starts_with_ignoring_case(redis, "rediss://");
    // Its value is not shown: it may hold a password.
    if (!is_path && !(is_url && redis.size() > redis.find("://") + 3)) {
      problem("redis",
              "redis is no address (write \"managed\", \"off\", \"redis://host\", \"rediss://host\" or "
              "\"unix:/path\")");
    } else if (is_path && redis_without_password(redis).size() - 5 > kMaxSocketPath) {
      problem("redis", "the socket's path is longer than 107 bytes (choose a shorter one)");
    }
  }

  void check_admin() {
    check_address("admin.listen", config_.admin.listen);
    for (const std::string& host : config_.admin.hosts) {
      if (host.empty() || host.find_first_of(" /@") != std::string::npos) {
        problem("admin.hosts", in_quotes(host) + " is no host (write names or addresses, without port)");
      }
    }
  }

  void check_limits() {
    if (config_.limits.field_size > config_.limits.head_size) {
      problem("limits.field_size", "field_size is above head_size (one field is part of the head)");
    }
    if (config_.limits.target_size > config_.limits.head_size) {
      problem("limits.target_size", "target_size is above head_size (the target is part of the head)");
    }
  }

  // Keys with a fixed place in the file whose features are still to come: accepted at their defaults, never ignored.
  void check_later() {
    if (config_.backplane.scoped_sends) {
      problem("backplane.scoped_sends", "this version has no scoped sends (leave it false)");
    }
    if (!config_.rest.key_files.empty()) {
      problem("rest.key_files", "this version has no REST interface (leave it empty)");
    }
  }

  // The address, if it is one.
  void check_address(const std::string& key, const std::string& text) {
    if (text.empty())
      return problem(key, "there is no address (write \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\")");
    const auto address = net::Address::parse(text);
    if (!address)
      return problem(key, address.error().what + " (write \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\")");
    if (address->is_ip() && address->port() == 0) return;  // the kernel chooses: none is like another
    const auto [place, is_new] = addresses_.try_emplace(address->to_string(), key);
    if (!is_new) problem(key, text + " is taken by " + place->second + " (give each its own address)");
  }

  void check_listeners() {
    if (config_.listeners.empty()) {
      problem("listener", "there is no listener (add [listener.public] with listen = \"127.0.0.1:8080\")");
    }
    for (const ListenerConfig& listener : config_.listeners) {
      const std::string key = "listener." + listener.name;
      check_address(key + ".listen", listener.listen);
      check_trust(key, listener);
      if (!listener.tls) continue;
      if (listener.tls->certificate.empty()) {
        problem(key + ".tls.certificate", "TLS needs a certificate (name a PEM file, or start with --dev)");
      }
      if (listener.tls->key.empty()) problem(key + ".tls.key", "TLS needs the certificate's key (name a PEM file)");
    }
  }

  void check_trust(const std::string& key, const ListenerConfig& listener) {
    for (const std::string& range : listener.trusted_cidrs) {
      if (const auto parsed = net::Cidr::parse(range); !parsed) problem(key + ".trusted_cidrs", parsed.error().what);
    }
    if (listener.proxy_protocol && listener.trusted_cidrs.empty()) {
      problem(key + ".proxy_protocol",
              "a PROXY header is believed of trusted_cidrs only, and there are none (name the balancers' addresses)");
    }
  }

  void check_pool(const PoolConfig& pool) {
    const std::string key = "pool." + pool.name;
    if (pool.command.empty() == pool.endpoints.empty()) {
      problem(key + (pool.command.empty() ? ".command" : ".endpoints"),
              "pool " + in_quotes(pool.name) +
                  (pool.command.empty() ? " has no endpoints (give it a command or endpoints)"
                                        : " has both a command and endpoints (make two pools of it)"));
    }
    if (!pool.command.empty() && pool.command[0].empty()) problem(key + ".command", "the program has no name");
    for (const std::string& argument : pool.command) {
      for (const std::string_view placeholder : {"{port}", "{socket}", "{redis}", "{redis_se}", "{redis_file}"}) {
        if (argument.find(placeholder) == std::string::npos) continue;
        problem(key + ".command", std::string(placeholder) + " is for programs without the hub library, which this " +
                                      "version cannot start (start it elsewhere and name its endpoints)");
      }
      if (argument.find('\0') != std::string::npos) problem(key + ".command", "an argument holds a zero byte");
    }
    std::vector<std::string_view> seen;
    for (const auto& [endpoint, weight] : pool.endpoints) {
      const auto address = EndpointAddress::parse(endpoint);
      if (!address) problem(key + ".endpoints", address.error().what);
      if (std::find(seen.begin(), seen.end(), endpoint) != seen.end()) {
        problem(key + ".endpoints", in_quotes(endpoint) + " is there twice (take one out)");
      }
      seen.push_back(endpoint);
    }
    check_health(key + ".health", pool);
  }

  void check_health(const std::string& key, const PoolConfig& pool) {
    if (pool.is_local() && pool.health != HealthConfig()) {
      problem(key, "workers tell of their health themselves (take 'health' out)");
    }
    const std::string& path = pool.health.path;
    const bool is_target =
        path.starts_with('/') && path.size() <= 1024 && std::all_of(path.begin(), path.end(), [](char c) {
          return c > ' ' && c < '\x7f' && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\';
        });
    if (!path.empty() && !is_target) {
      problem(key + ".path", in_quotes(path) + " is no path that can be asked for (write \"/healthz\", encoded)");
    }
  }

  void check_route(std::size_t index) {
    const Route& route = config_.routes[index];
    const std::string key = "route." + std::to_string(index);
    if (!route.prefix.starts_with('/')) {
      problem(key + ".prefix", route.prefix.empty() ? "a route needs a prefix (write prefix = \"/\" for everything)"
                                                    : "the prefix " + in_quotes(route.prefix) + " must begin with '/'");
    } else if (route.prefix.find_first_of("?#%\\ ") != std::string::npos ||
               (route.prefix + "/").find("/../") != std::string::npos ||
               (route.prefix + "/").find("/./") != std::string::npos) {
      problem(key + ".prefix", "the prefix " + in_quotes(route.prefix) +
                                   " matches no request: paths are compared decoded (write it without '%', '?', dots)");
    }
    if (route.pool.empty() == route.folder.empty()) {
      problem(key + (route.pool.empty() ? ".pool" : ".folder"),
              route.pool.empty() ? "the route leads nowhere (give it a pool or a folder)"
                                 : "the route has both a pool and a folder (make two routes of it)");
    }
    if (!route.pool.empty() && config_.find_pool(route.pool) == nullptr) {
      problem(key + ".pool", "there is no pool " + in_quotes(route.pool) + " (" + pool_names() + ")");
    }
    std::error_code failed;
    if (!route.folder.empty() && !std::filesystem::is_directory(route.folder, failed)) {
      problem(key + ".folder", "there is no folder " + in_quotes(route.folder) + " (make it, or correct the path)");
    }
    if (route.hub && route.pool.empty()) problem(key + ".hub", "hub = true needs a pool: a folder has no hub");
    for (const std::string& listener : route.listeners) {
      if (config_.find_listener(listener) == nullptr) {
        problem(key + ".listeners",
                "there is no listener " + in_quotes(listener) + " (add [listener." + listener + "])");
      }
    }
    for (std::size_t other = 0; other < index; ++other) {
      if (!overlap(route, config_.routes[other])) continue;
      problem(key + ".prefix",
              "the prefix " + in_quotes(route.prefix) + " is there twice for one listener (take one out)");
      break;
    }
  }

  // Whether both would take the same requests: the same prefix on a common listener.
  static bool overlap(const Route& a, const Route& b) {
    const bool same = a.hub || b.hub ? equals_ignoring_case(a.prefix, b.prefix) : a.prefix == b.prefix;
    if (!same) return false;
    if (a.listeners.empty() || b.listeners.empty()) return true;
    return std::any_of(a.listeners.begin(), a.listeners.end(), [&b](const std::string& name) {
      return std::find(b.listeners.begin(), b.listeners.end(), name) != b.listeners.end();
    });
  }

  std::string pool_names() const {
    if (config_.pools.empty()) return "add [pool.NAME]";
    std::string names = "there is:";
    for (const PoolConfig& pool : config_.pools) names += " " + pool.name;
    return names;
  }

  const ProxyConfig& config_;
  std::vector<ConfigProblem> problems_;
  std::map<std::string, std::string> addresses_;  // address → the key that has it
};

}  // namespace

std::vector<ConfigProblem> check_proxy_config(const ProxyConfig& config) { return Checker(config).check(); }

std::vector<ConfigProblem> check_endpoint_ids(const ProxyConfig& config, std::string_view node_id) {
  std::vector<ConfigProblem> problems;
  std::map<std::uint32_t, std::string> owners;
  const auto add = [&](std::uint32_t id, const PoolConfig& pool, const std::string& name) {
    const auto [place, is_new] = owners.try_emplace(id, pool.name + "/" + name);
    if (is_new) return;
    problems.push_back({"pool." + pool.name, pool.name + "/" + name + " and " + place->second +
                                                 " have the same endpoint id by chance (rename one of the pools)"});
  };
  for (const PoolConfig& pool : config.pools) {
    // One that is named twice is an error of its own.
    std::set<std::string> endpoints;
    for (const EndpointConfig& endpoint : pool.endpoints) endpoints.insert(endpoint.address);
    for (const std::string& endpoint : endpoints) add(endpoint_id_of_remote(pool.name, endpoint), pool, endpoint);
    if (!pool.is_local() || node_id.empty()) continue;
    for (std::uint32_t slot = 0; slot < pool.workers; ++slot) {
      add(endpoint_id_of_slot(node_id, pool.name, slot), pool, std::to_string(slot));
    }
  }
  return problems;
}

}  // namespace hubgate::proxy
