#include "hubgate/hub_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <vector>

#include "common/base/ascii.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "common/event/signals.h"
#include "hub/core/loop_executor.h"
#include "hub/server/server_runtime.h"
#include "hub/server/supervised_worker.h"
#include "hub/server/worker_link.h"

namespace hubgate {

namespace {

constexpr int kExitCannotListen = 69;
constexpr int kExitConfiguration = 78;

// Lines go to standard error at once, so that the last words of a crash are among them; what it has no room for counts
// in `dropped`.
Log::Sink sink_of(const LogSink& sink, std::uint64_t& dropped) {
  if (sink == nullptr) {
    return [&dropped](LogLevel, std::string_view line) {
      const std::string whole = std::string(line) + '\n';
      if (::write(STDERR_FILENO, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) ++dropped;
    };
  }
  return [sink](LogLevel level, std::string_view line) { sink(to_string(level), line); };
}

LogLevel level_of(const HubServerOptions& options) {
  LogLevel level = LogLevel::kInfo;
  parse_log_level(options.log_level, level);
  return level;
}

/// Standard error of a supervised program is a pipe to the gateway: full while no proxy reads it, it must not stop us.
void make_pipe_non_blocking(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return;
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/// Paths are kept as the manager of connections wants them: a slash in front, none at the end.
std::string normalised(std::string path) {
  if (!path.starts_with('/')) throw std::invalid_argument("the path '" + path + "' must begin with '/'");
  while (path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

class HubServer::Server {
 public:
  explicit Server(HubServerOptions options)
      : options_(std::move(options)), log_(sink_of(options_.log_sink, log_dropped_), level_of(options_)) {}
  ~Server() { take_down(); }

  void map(std::string path, HubOptions options, detail::HubDefinition definition, std::type_index type) {
    path = normalised(std::move(path));
    for (const auto& hub : hubs_) {
      if (equals_ignoring_case(hub->path(), path)) {
        throw std::invalid_argument("two hubs are mapped at '" + path + "'");
      }
    }
    hubs_.push_back(
        std::make_unique<hub::HostedHub>(std::move(path), std::move(options), std::move(definition), type, executor_));
  }

  HubContext context_of(std::type_index type) const {
    for (const auto& hub : hubs_) {
      if (hub->type() == type) return HubContext(hub->gate());
    }
    throw std::invalid_argument("the hub class is not mapped");
  }

  int run() {
    const Executor::Scope scope(executor_);
    LogLevel level{};
    if (!parse_log_level(options_.log_level, level)) {
      log_.error("cannot serve", {{"error", "log_level must be debug, info, warn, error or off"}});
      return kExitConfiguration;
    }
    Result<std::optional<hub::WorkerLink::Sockets>> sockets = hub::WorkerLink::take_from_environment();
    if (!sockets) {
      log_.error("cannot serve", {{"error", sockets.error().what}});
      return kExitConfiguration;
    }
    std::optional<event::Signals> signals;
    if (options_.handle_signals) {
      signals.emplace(loop_, std::initializer_list<int>{SIGTERM, SIGINT}, [this](int) { on_terminate(); });
    }
    if (*sockets) {
      make_pipe_non_blocking(2);
      supervised_ = std::make_unique<hub::SupervisedWorker>(
          hub::SupervisedWorker::Surroundings{around(), options_, identity_, [this](int code) { exit(code); },
                                              log_dropped_},
          std::move(**sockets));
    } else if (!start_alone()) {
      return exit_code_;
    }
    loop_.run();
    take_down();
    return exit_code_;
  }

  void stop() {
    executor_->post([this] { on_terminate(); });
  }

  const Identity& identity() const { return identity_; }

 private:
  hub::ServerRuntime::Surroundings around() { return {loop_, log_, random_, hubs_}; }

  bool start_alone() {
    runtime_ = std::make_unique<hub::ServerRuntime>(around());
    hub::ServerRuntime::Settings settings;
    settings.backplane.redis = options_.redis;
    settings.backplane.channel_prefix = options_.channel_prefix;
    settings.max_connections = options_.max_connections;
    settings.user_id = options_.user_id;
    const Result<void> opened = runtime_->open(settings);
    if (!opened) {
      log_.error("cannot serve", {{"error", opened.error().what}});
      exit_code_ = kExitConfiguration;
      return false;
    }
    hub::ServerRuntime::Limits limits;
    limits.transport.max_pending_bytes = options_.max_pending_bytes;
    limits.transport.send_timeout = options_.transport_send_timeout;
    runtime_->set_limits(limits);
    const Result<std::string> address = runtime_->listen(options_.listen);
    if (!address) {
      log_.error("cannot listen", {{"address", options_.listen}, {"error", address.error().what}});
      exit_code_ = address.error().code == ErrorCode::kInvalid ? kExitConfiguration : kExitCannotListen;
      return false;
    }
    log_.info("listening", {{"address", *address}});
    if (options_.on_listening != nullptr) options_.on_listening(*address);
    return true;
  }

  /// The first time: drain. The second: end now.
  void on_terminate() {
    if (std::exchange(terminating_, true)) return exit(exit_code_);
    if (supervised_ != nullptr) return supervised_->on_terminate();
    if (runtime_ == nullptr) return exit(exit_code_);
    log_.info("draining");
    runtime_->drain({.spread = options_.drain_time, .hard = 2 * options_.drain_time, .is_stop = true},
                    [this] { exit(exit_code_); });
  }

  void exit(int code) {
    exit_code_ = code;
    loop_.stop();
  }

  /// In the order in which things refer to each other; what is disposed of is destroyed in the last turn.
  void take_down() {
    executor_->close();
    for (const auto& hub : hubs_) hub->close();
    supervised_.reset();
    runtime_.reset();
    hubs_.clear();
  }

  const HubServerOptions options_;
  std::uint64_t log_dropped_ = 0;  // lines
  Log log_;
  SystemRandom random_;
  event::Loop loop_;
  const std::shared_ptr<hub::LoopExecutor> executor_ = std::make_shared<hub::LoopExecutor>(loop_);
  hub::ServerRuntime::Hubs hubs_;
  Identity identity_;
  std::unique_ptr<hub::ServerRuntime> runtime_;        // alone
  std::unique_ptr<hub::SupervisedWorker> supervised_;  // under a gateway
  int exit_code_ = 0;
  bool terminating_ = false;
};

HubServer::HubServer(HubServerOptions options) : server_(std::make_unique<Server>(std::move(options))) {}
HubServer::~HubServer() = default;

int HubServer::run() { return server_->run(); }
void HubServer::stop() { server_->stop(); }
const HubServer::Identity& HubServer::identity() const { return server_->identity(); }

void HubServer::map_hub(std::string path, HubOptions options, detail::HubDefinition definition, std::type_index type) {
  server_->map(std::move(path), std::move(options), std::move(definition), type);
}

HubContext HubServer::context_of(std::type_index type) const { return server_->context_of(type); }

}  // namespace hubgate
