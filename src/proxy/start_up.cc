#include "proxy/start_up.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>
#include <utility>

#include "common/net/address.h"
#include "common/net/listener.h"
#include "common/net/tls_context.h"
#include "proxy/admin/admin_server.h"
#include "proxy/config/check_files.h"
#include "proxy/proxy_door.h"
#include "proxy/run_directories.h"

namespace hubgate::proxy {
namespace {

constexpr int kUnavailable = 69;  // as ExitCode of the command line
constexpr int kConfiguration = 78;

// Names of what the supervisor keeps: the text that was adopted last, and the one that the gateway began with.
constexpr char kConfigName[] = "config";
constexpr char kFirstConfigName[] = "first config";
std::string admin_name(const ProxyConfig& config) { return "admin " + config.admin.listen; }

std::string read_whole(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  off_t at = 0;
  while ((got = ::pread(fd, buffer, sizeof buffer, at)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
    at += got;
  }
  return text;
}

class StartUp {
 public:
  StartUp(const ConfigSource& source, Inventory& inventory, KeeperLink& keeper, Log& log)
      : source_(source), inventory_(inventory), keeper_(keeper), log_(log) {}

  std::variant<Started, StartFailure> first() {
    started_.first = true;
    if (!load_file()) return failure(kConfiguration, errors_);
    if (!make_and_lock_directories()) return failure(exit_code_, errors_);
    // Before the drop: ports below 1024, and directories of others.
    if (!bind()) return failure(kUnavailable, errors_);
    if (!drop()) return failure(kConfiguration, errors_);
    if (!open_as_user()) return failure(exit_code_, errors_);
    keep_text(kFirstConfigName, started_.text);
    return done(make_snapshot(std::move(config_)));
  }

  std::variant<Started, StartFailure> again(const std::string& kept_text) {
    if (load_file() && plan_and_open()) return done(std::move(planned_));
    // What worked before works now: the file as it was adopted.
    log_.error("configuration is broken, the kept one runs", {{"file", source_.file}, {"error", errors_.front()}});
    started_.config_errors = std::exchange(errors_, {});
    started_.kept_config = true;
    started_.listeners.clear();
    for (const std::string& name : opened_) keeper_.forget(name);
    used_.clear();
    if (!load(kept_text) || !plan_and_open()) return failure(kConfiguration, errors_);
    return done(std::move(planned_));
  }

 private:
  StartFailure failure(int code, std::vector<std::string> lines) { return {code, std::move(lines)}; }
  Started done(SnapshotPointer snapshot) {
    started_.snapshot = std::move(snapshot);
    keep_text(kConfigName, started_.text);
    forget_rest();
    return std::move(started_);
  }
  bool fail(int code, std::string line) {
    exit_code_ = code;
    errors_.push_back("hubgate: error: " + std::move(line));
    return false;
  }

  bool load_file() {
    auto text = read_config_file(source_.file);
    if (!text) {
      errors_.push_back(text.error().what);
      return false;
    }
    return load(*text);
  }
  bool load(const std::string& text) {
    ConfigSource source = source_;
    source.text = text;
    LoadedConfig loaded =
        load_proxy_config(source, [this](const ProxyConfig& config) { return check_files(config, source_.dev); });
    if (!loaded.config) {
      errors_ = std::move(loaded.errors);
      return false;
    }
    config_ = *std::move(loaded.config);
    started_.text = text;
    return true;
  }

  bool plan_and_open() {
    plan();
    return bind() && open_as_user();
  }

  // What a reload cannot change, the death of a proxy does not change either: the gateway goes on with what it began
  // with, and says so.
  void plan() {
    ConfigSource source = source_;
    source.text = take_text(kFirstConfigName);
    LoadedConfig first = load_adopted_config(source);
    if (!first.config) {
      // A gateway that serves with another value is better than none.
      log_.error("what the gateway began with cannot be read again", {{"error", first.errors.front()}});
      planned_ = make_snapshot(config_, kept_revision());
      return;
    }
    const SnapshotPointer begun = make_snapshot(*std::move(first.config), kept_revision());
    planned_ = plan_reload(*begun, config_, listeners_out_of_reach()).snapshot;
    if (planned_ == nullptr) planned_ = begun;
    config_ = planned_->config;
  }

  // Names of listeners that nobody has bound yet, and that we, as another user by now, may not.
  std::vector<std::string> listeners_out_of_reach() const {
    std::vector<std::string> names;
    for (const ListenerConfig& listener : config_.listeners) {
      if (inventory_.kept.contains(kept_name(listener))) continue;
      const auto address = net::Address::parse(listener.listen);
      if (!address) continue;
      const auto tried = net::open_listening_socket(*address, Duration::zero());
      if (!tried && tried.error().code == ErrorCode::kRefused) names.push_back(listener.name);
    }
    return names;
  }

  bool make_and_lock_directories() {
    const ProxyConfig& config = config_;
    std::vector<std::pair<std::string, mode_t>> directories = {{config.runtime_dir, 0755}};
    if (config.state_dir != config.runtime_dir) directories.emplace_back(config.state_dir, 0700);
    for (const auto& [path, mode] : directories) {
      if (const auto made = make_directory(path, mode); !made) return fail(kConfiguration, made.error().what);
      auto lock = lock_directory(path, ::getppid());
      if (!lock) return fail(kUnavailable, lock.error().what);
      // The supervisor's copy is the lock from now on: it is free the moment the supervisor dies.
      keeper_.keep("lock:" + path, lock->get());
    }
    if (source_.dev) {
      const TlsFiles pair = dev_files(config);
      if (const auto made = net::make_self_signed_pair(pair.certificate, pair.key); !made) {
        return fail(kConfiguration, made.error().what);
      }
    }
    return true;
  }

  bool bind() {
    for (const ListenerConfig& listener : config_.listeners) {
      auto socket = listening_socket(kept_name(listener), listener.listen);
      if (!socket.is_open()) return false;
      started_.listeners.push_back({listener, std::move(socket), nullptr});
    }
    started_.admin = listening_socket(admin_name(config_), config_.admin.listen);
    return started_.admin.is_open();
  }
  Descriptor listening_socket(const std::string& name, const std::string& text) {
    used_.insert(name);
    if (const auto kept = inventory_.kept.find(name); kept != inventory_.kept.end()) {
      // A copy: should this configuration fail in the end, the kept one needs it too.
      Descriptor copy(::fcntl(kept->second.get(), F_DUPFD_CLOEXEC, 0));
      if (!copy.is_open()) fail(kUnavailable, name + ": " + std::strerror(errno));
      return copy;
    }
    const auto address = net::Address::parse(text);
    if (!address) {
      fail(kConfiguration, address.error().what);
      return Descriptor();
    }
    auto opened = net::open_listening_socket(*address);
    if (!opened) {
      fail(kUnavailable, "cannot listen on " + text + ": " + opened.error().what);
      return Descriptor();
    }
    keeper_.keep(name, opened->get());
    opened_.push_back(name);
    return *std::move(opened);
  }

  bool drop() {
    const ProxyConfig& config = config_;
    if (config.user.empty()) return true;
    const auto identity = find_user(config.user);
    if (!identity) return fail(kConfiguration, "user: " + identity.error().what);
    if (identity->is_ours) return true;
    if (!give_away(identity->drop)) return false;
    keeper_.drop_to(identity->drop);
    if (const auto dropped = drop_privileges(identity->drop); !dropped)
      return fail(kConfiguration, dropped.error().what);
    // As that user everything must be readable, as it will have to be at the next start.
    const ProxyConfig before = config;
    if (!load_file()) return false;
    return config_ == before || fail(kConfiguration, source_.file + " changed while the gateway started");
  }
  bool give_away(const control::DropTo& drop) {
    const ProxyConfig& config = config_;
    const TlsFiles pair = dev_files(config);
    std::vector<std::string> paths = {config.runtime_dir, config.runtime_dir + "/lock", config.state_dir,
                                      config.state_dir + "/lock"};
    if (source_.dev) paths.insert(paths.end(), {pair.certificate, pair.key});
    for (const ListenerConfig& listener : config.listeners) {
      if (listener.listen.starts_with("unix:")) paths.push_back(listener.listen.substr(5));
    }
    for (const std::string& path : paths) {
      if (::chown(path.c_str(), drop.uid, drop.gid) != 0) {
        return fail(kConfiguration,
                    path + ": cannot be given to user \"" + config.user + "\": " + std::strerror(errno));
      }
    }
    return true;
  }

  bool open_as_user() {
    for (BoundListener& listener : started_.listeners) {
      if (!listener.config.tls) continue;
      auto context = net::TlsContext::make_server(listener.config.tls->certificate, listener.config.tls->key);
      if (!context) return fail(kConfiguration, context.error().what);
      listener.tls = *std::move(context);
    }
    if (started_.admin_verbs.is_open()) return true;
    auto verbs = AdminServer::open_socket(config_.runtime_dir);
    if (!verbs) return fail(kUnavailable, verbs.error().what);
    started_.admin_verbs = *std::move(verbs);
    return true;
  }

  void keep_text(const std::string& name, const std::string& text) {
    auto file = text_to_keep(text);
    if (!file) return log_.error("cannot be kept", {{"name", name}, {"error", file.error().what}});
    keeper_.keep(name, file->get());
  }
  std::string take_text(std::string_view name) {
    const auto place = inventory_.kept.find(name);
    return place == inventory_.kept.end() ? std::string() : read_whole(place->second.get());
  }
  // Listeners that are no more: a copy would go on filling a queue that nobody accepts.
  void forget_rest() {
    for (const auto& [name, descriptor] : inventory_.kept) {
      const bool listens = name.starts_with("listener:") || name.starts_with("admin ");
      if (listens && !used_.contains(name)) keeper_.forget(name);
    }
  }

  std::uint64_t kept_revision() {
    const std::string text = take_text(kRevisionName);
    std::uint64_t revision = 1;
    std::from_chars(text.data(), text.data() + text.size(), revision);
    return revision;
  }

  const ConfigSource& source_;
  Inventory& inventory_;
  KeeperLink& keeper_;
  Log& log_;
  ProxyConfig config_;
  SnapshotPointer planned_;
  Started started_;
  std::set<std::string> used_;       // names of kept sockets that the configuration has
  std::vector<std::string> opened_;  // and of those that were opened for it
  std::vector<std::string> errors_;
  int exit_code_ = kConfiguration;
};

}  // namespace

Result<Descriptor> text_to_keep(const std::string& text) {
  Descriptor file(::memfd_create("hubgate-kept", MFD_CLOEXEC));
  if (!file.is_open() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return make_error(ErrorCode::kSystem, std::string("memfd: ") + std::strerror(errno));
  }
  return file;
}

std::variant<Started, StartFailure> start_up(const ConfigSource& source, Inventory& inventory, KeeperLink& keeper,
                                             Log& log) {
  StartUp start_up(source, inventory, keeper, log);
  const auto kept = inventory.kept.find("config");
  if (kept == inventory.kept.end()) return start_up.first();
  return start_up.again(read_whole(kept->second.get()));
}

}  // namespace hubgate::proxy
