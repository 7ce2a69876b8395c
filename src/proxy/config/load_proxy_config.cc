#include "proxy/config/load_proxy_config.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/base/ascii.h"
#include "common/base/descriptor.h"
#include "common/config/toml_table.h"
#include "proxy/config/check_files.h"
#include "proxy/config/limits_keys.h"

namespace hubgate::proxy {
namespace {

using config::TomlDocument;
using config::TomlTable;

constexpr std::size_t kMostText = 1024 * 1024;  // bytes of a configuration file
constexpr std::size_t kMostSecret = 64 * 1024;  // bytes of a secret's file

Result<std::string> read_file(const std::string& file, std::size_t most) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    return make_error(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kSystem, std::strerror(errno));
  }
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (true) {
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return make_error(ErrorCode::kSystem, std::strerror(errno));
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > most) return make_error(ErrorCode::kTooLarge, "too large");
  }
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 32) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c == '-';
  });
}

/// Reads one document into a ProxyConfig; errors stay in the document.
class Loader {
 public:
  Loader(TomlDocument& document, const ConfigSource& source) : document_(document), source_(source) {
    std::error_code failed;
    const std::filesystem::path file = std::filesystem::absolute(source.file, failed);
    folder_ = failed ? std::filesystem::path("/") : file.parent_path();
  }

  ProxyConfig load() {
    TomlTable root = document_.root();
    read_path(root, "runtime_dir", config_.runtime_dir);
    read_path(root, "state_dir", config_.state_dir);
    read_secret(root, "redis", config_.redis);
    root.read("user", config_.user);
    root.read("redis_group", config_.redis_group);
    root.read("watch", config_.watch);
    read_time(root, "stop_time", config_.stop_time);
    if (auto log = root.table("log")) load_log(*log);
    if (auto access_log = root.table("access_log")) load_access_log(*access_log);
    if (auto admin = root.table("admin")) load_admin(*admin);
    if (auto limits = root.table("limits")) load_limits(*limits);
    if (auto backplane = root.table("backplane")) load_backplane(*backplane);
    if (auto rest = root.table("rest")) load_rest(*rest);
    for (TomlTable& listener : root.tables("listener")) load_listener(listener);
    for (TomlTable& pool : root.tables("pool")) load_pool(pool);
    for (TomlTable& route : root.list("route")) load_route(route);
    root.finish();
    return std::move(config_);
  }

 private:
  static void read_time(TomlTable& table, std::string_view key, milliseconds& into) {
    table.read_duration(key, into, milliseconds(1), std::chrono::hours(24 * 365));
  }

  // An absolute path, without "." and "..".
  std::string resolve(const std::string& path) const {
    std::string text = (folder_ / path).lexically_normal().string();
    if (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
  }
  void read_path(TomlTable& table, std::string_view key, std::string& into) const {
    std::string path;
    table.read(key, path);
    if (!path.empty()) {
      into = resolve(path);
    } else if (table.has(key)) {
      table.error(key, "'" + std::string(key) + "' names no file or folder (give a path)");
    }
  }
  // "unix:relative" starts at the file's folder too.
  std::string resolve_address(const std::string& address) const {
    constexpr std::string_view kUnix = "unix:";
    if (!address.starts_with(kUnix) || address.size() == kUnix.size()) return address;
    return std::string(kUnix) + resolve(address.substr(kUnix.size()));
  }

  // A text, or {file = "…"} or {env = "…"}. No error shows any of it.
  void read_secret(TomlTable& table, std::string_view key, Secret& into) {
    std::string text;
    if (!table.is_table(key)) {
      table.read(key, text);
    } else {
      auto from = table.table(key);
      std::string file;
      std::string variable;
      read_path(*from, "file", file);
      from->read("env", variable);
      from->finish();
      if (file.empty() == variable.empty()) {
        return table.error(key, "'" + std::string(key) + "' needs either file or env (write " + std::string(key) +
                                    " = {file = \"/path\"})");
      }
      const char* value = variable.empty() ? nullptr : std::getenv(variable.c_str());
      if (!variable.empty() && (value == nullptr || *value == '\0')) {
        return table.error(key, "the environment variable " + variable + " is not set (set it where hubgate starts)");
      }
      if (!variable.empty()) {
        text = value;
      } else if (!read_secret_file(table, key, file, text)) {
        return;
      }
    }
    if (text.empty()) {
      if (table.has(key)) table.error(key, "'" + std::string(key) + "' is empty (take it out for the default)");
      return;
    }
    into = Secret(text.starts_with("unix:") ? resolve_address(text) : text);
  }

  static bool read_secret_file(TomlTable& table, std::string_view key, const std::string& file, std::string& into) {
    auto text = read_file(file, kMostSecret);
    if (!text) {
      table.error(key, file + ": " + text.error().what + " (the gateway's user must be able to read it)");
      return false;
    }
    std::string_view content = *text;
    while (content.ends_with('\n') || content.ends_with('\r')) content.remove_suffix(1);
    if (content.empty()) {
      table.error(key, file + " is empty (put the secret into it)");
      return false;
    }
    into = std::string(content);
    return true;
  }

  void load_log(TomlTable& table) {
    constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info", "warn", "error", "off"};
    if (const auto level = table.read_choice("level", kLevels)) config_.log_level = static_cast<LogLevel>(*level);
    table.finish();
  }

  void load_access_log(TomlTable& table) {
    constexpr std::array<std::string_view, 2> kFormats = {"text", "json"};
    std::string& target = config_.access_log.target;
    table.read("target", target);
    if (!target.empty() && target != "stdout" && target != "syslog" && !target.starts_with("syslog:")) {
      target = resolve(target);
    }
    if (const auto format = table.read_choice("format", kFormats)) {
      config_.access_log.format = static_cast<LogFormat>(*format);
    }
    table.finish();
  }

  void load_admin(TomlTable& table) {
    table.read("listen", config_.admin.listen);
    config_.admin.listen = resolve_address(config_.admin.listen);
    table.read("hosts", config_.admin.hosts);
    table.finish();
  }

  void load_limits(TomlTable& table) {
    visit_limits(config_.limits, [&table](std::string_view key, auto& value, LimitBounds bounds) {
      using Value = std::remove_reference_t<decltype(value)>;
      if constexpr (std::is_same_v<Value, milliseconds>) {
        table.read_duration(key, value, milliseconds(bounds.least), milliseconds(bounds.most));
      } else if constexpr (std::is_same_v<Value, std::uint32_t>) {
        table.read(key, value, static_cast<std::uint32_t>(bounds.least), static_cast<std::uint32_t>(bounds.most));
      } else {
        table.read_size(key, value, bounds.least, bounds.most);
      }
    });
    table.finish();
  }

  void load_backplane(TomlTable& table) {
    table.read("prefix", config_.backplane.prefix);
    table.read("scoped_sends", config_.backplane.scoped_sends);
    table.finish();
  }

  void load_rest(TomlTable& table) {
    RestConfig& rest = config_.rest;
    table.read("key_files", rest.key_files);
    if (rest.key_files.size() > 2) {
      table.error("key_files", "'key_files' has more than two (the primary key, then the secondary)");
    }
    for (std::string& file : rest.key_files) {
      file = resolve(file);
      std::string key;
      if (read_secret_file(table, "key_files", file, key)) rest.keys.emplace_back(std::move(key));
    }
    table.finish();
  }

  // Names appear in log fields, labels, channel names and paths.
  static void check_name(TomlTable& table, std::string_view kind) {
    if (!is_name(table.name())) {
      table.error("", "a " + std::string(kind) + "'s name has 1 to 32 letters, digits, '_' and '-' (rename it)");
    }
  }

  void load_listener(TomlTable& table) {
    check_name(table, "listener");
    ListenerConfig listener;
    listener.name = std::string(table.name());
    table.read("listen", listener.listen);
    listener.listen = resolve_address(listener.listen);
    if (auto tls = table.table("tls")) {
      TlsFiles files;
      read_path(*tls, "certificate", files.certificate);
      read_path(*tls, "key", files.key);
      tls->finish();
      if (source_.dev && files.certificate.empty() && files.key.empty()) {
        files = dev_files(config_);
      }
      listener.tls = std::move(files);
    }
    table.read("proxy_protocol", listener.proxy_protocol);
    table.read("trusted_cidrs", listener.trusted_cidrs);
    table.finish();
    config_.listeners.push_back(std::move(listener));
  }

  void load_pool(TomlTable& table) {
    constexpr std::array<std::string_view, 2> kHandover = {"auto", "off"};
    constexpr std::array<std::string_view, 3> kBalance = {"least_connections", "power_of_two", "round_robin"};
    check_name(table, "pool");
    PoolConfig pool;
    pool.name = std::string(table.name());
    table.read("command", pool.command);
    // A bare name is looked up beside hubgate and in PATH; anything with '/' is a path.
    if (!pool.command.empty() && pool.command[0].find('/') != std::string::npos) {
      pool.command[0] = resolve(pool.command[0]);
    }
    table.read("workers", pool.workers, 1, 1000);
    if (const auto mode = table.read_choice("handover", kHandover)) pool.handover = static_cast<HandoverMode>(*mode);
    read_time(table, "drain_time", pool.drain_time);
    load_endpoints(table, pool);
    table.read("application", pool.application);
    if (const auto policy = table.read_choice("balance", kBalance)) pool.balance = static_cast<BalancePolicy>(*policy);
    table.read("rebalance", pool.rebalance);
    if (auto health = table.table("health")) load_health(*health, pool.health);
    table.finish();
    config_.pools.push_back(std::move(pool));
  }

  // Texts, and tables where one has a weight.
  void load_endpoints(TomlTable& pool_table, PoolConfig& pool) {
    for (config::TomlElement& element : pool_table.elements("endpoints")) {
      EndpointConfig endpoint(std::move(element.text));
      if (element.table) {
        element.table->read("address", endpoint.address);
        element.table->read("weight", endpoint.weight, 1, 1000);
        element.table->finish();
      }
      endpoint.address = resolve_address(endpoint.address);
      pool.endpoints.push_back(std::move(endpoint));
    }
  }

  static void load_health(TomlTable& table, HealthConfig& health) {
    table.read("path", health.path);
    table.read_duration("interval", health.interval, milliseconds(100), std::chrono::hours(1));
    table.read_duration("timeout", health.timeout, milliseconds(10), std::chrono::minutes(5));
    table.read("fall", health.fall, 1, 100);
    table.read("rise", health.rise, 1, 100);
    table.finish();
  }

  void load_route(TomlTable& table) {
    Route route;
    table.read("prefix", route.prefix);
    while (route.prefix.size() > 1 && route.prefix.ends_with('/')) route.prefix.pop_back();
    table.read("pool", route.pool);
    read_path(table, "folder", route.folder);
    table.read("hub", route.hub);
    table.read("listeners", route.listeners);
    table.finish();
    config_.routes.push_back(std::move(route));
  }

  TomlDocument& document_;
  const ConfigSource& source_;
  std::filesystem::path folder_;
  ProxyConfig config_;
};

}  // namespace

Result<std::string> read_config_file(const std::string& file) {
  auto text = read_file(file, kMostText);
  if (text) return text;
  const std::string_view remedy =
      text.error().code == ErrorCode::kTooLarge ? "a configuration has at most 1 MiB" : "name a file that can be read";
  return make_error(text.error().code, file + ": error: " + text.error().what + " (" + std::string(remedy) + ")");
}

namespace {

using Check = std::function<std::vector<ConfigProblem>(const ProxyConfig&)>;

LoadedConfig load_checked(const ConfigSource& source, const std::vector<Check>& checks) {
  LoadedConfig loaded;
  auto document = TomlDocument::parse(source.text, source.file);
  if (!document) {
    loaded.errors.push_back(document.error().what);
    return loaded;
  }
  for (const std::string& assignment : source.overrides) document->set(assignment);
  ProxyConfig config = Loader(*document, source).load();
  for (const Check& check : checks) {
    for (const ConfigProblem& problem : check(config)) document->error(problem.key, problem.what);
  }
  loaded.errors = document->errors();
  loaded.known_keys = document->known_keys();
  if (loaded.errors.empty()) loaded.config = std::move(config);
  return loaded;
}

}  // namespace

LoadedConfig load_proxy_config(const ConfigSource& source,
                               const std::function<std::vector<ConfigProblem>(const ProxyConfig&)>& check_more) {
  std::vector<Check> checks{check_proxy_config};
  if (check_more) checks.push_back(check_more);
  return load_checked(source, checks);
}

LoadedConfig load_adopted_config(const ConfigSource& source) { return load_checked(source, {}); }

}  // namespace hubgate::proxy
