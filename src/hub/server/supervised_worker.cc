#include "hub/server/supervised_worker.h"

#include <algorithm>
#include <utility>

#include "common/http/uri.h"

namespace hubgate::hub {

namespace {

/// A gateway that has ended wants us gone within 3 s.
constexpr Duration kLostGatewayTime = std::chrono::seconds(2);
constexpr int kExitConfiguration = 78;

/// Whether a handed-over request names a connection: those are let in while draining.
bool names_connection(std::string_view head) {
  // "GET /chat?id=… HTTP/1.1": the proxy wrote it, so it is well formed.
  const std::size_t begin = head.find(' ');
  if (begin == head.npos) return false;
  const std::string_view target = head.substr(begin + 1, head.find(' ', begin + 1) - begin - 1);
  return http::query_value(http::split_target(target).query, "id").has_value();
}

ServerRuntime::Limits limits_of(const control::Welcome& welcome) {
  ServerRuntime::Limits limits;
  limits.transport.max_pending_bytes = static_cast<std::size_t>(welcome.limits.max_pending_bytes);
  limits.transport.send_timeout = welcome.limits.send_time;
  limits.receive.max_message = static_cast<std::size_t>(welcome.limits.max_message_size);
  limits.receive.max_waiting = static_cast<std::size_t>(welcome.limits.application_max_buffer_size);
  limits.redis_queue = static_cast<std::size_t>(welcome.limits.redis_queue_size);
  return limits;
}

control::ClosedBy by_of(ClosedReason reason) {
  const std::string_view by = closed_by(reason);
  if (by == "client") return control::ClosedBy::kClient;
  return by == "server" ? control::ClosedBy::kServer : control::ClosedBy::kNetwork;
}

}  // namespace

SupervisedWorker::SupervisedWorker(const Surroundings& surroundings, WorkerLink::Sockets sockets)
    : around_(surroundings),
      link_(surroundings.runtime.loop, surroundings.runtime.log, std::move(sockets), *this),
      second_(surroundings.runtime.loop, [this] {
        report_stats();
        second_.start(std::chrono::seconds(1));
      }) {}

SupervisedWorker::~SupervisedWorker() = default;

void SupervisedWorker::on_welcome(const control::Welcome& welcome) {
  LogLevel level{};
  if (parse_log_level(welcome.log_level, level)) around_.runtime.log.set_level(level);
  if (runtime_ == nullptr) {
    const Result<void> opened = open(welcome);
    if (!opened) {
      around_.runtime.log.error("cannot serve", {{"error", opened.error().what}});
      return around_.exit(kExitConfiguration);
    }
  } else if (welcome.redis != welcome_->redis || welcome.channel_prefix != welcome_->channel_prefix) {
    around_.runtime.log.warn("another Redis or channel prefix needs a restart of this worker");
  }
  runtime_->set_limits(limits_of(welcome));
  welcome_ = welcome;
  around_.identity = {welcome.pool + "/" + std::to_string(welcome.slot), welcome.endpoint, welcome.generation};
  runtime_->connections().set_token_tag(welcome.tag);
  announce();
  report_load();
  report_stats();
}

Result<void> SupervisedWorker::open(const control::Welcome& welcome) {
  runtime_ = std::make_unique<ServerRuntime>(around_.runtime);
  runtime_->set_on_load_changed([this] { report_load(); });
  runtime_->connections().set_on_closed([this](const ClosedRecord& record) { report_closed(record); });

  ServerRuntime::Settings settings;
  settings.backplane = {welcome.redis, welcome.channel_prefix};
  settings.max_connections = around_.options.max_connections;
  if (welcome.limits.max_connections != 0) {
    settings.max_connections =
        std::min(settings.max_connections, static_cast<std::size_t>(welcome.limits.max_connections));
  }
  settings.user_id = around_.options.user_id;
  settings.on_redis_state = [this] { report_stats(); };
  Result<void> opened = runtime_->open(settings);
  if (!opened) return opened;
  second_.start(std::chrono::seconds(1));
  return opened;
}

void SupervisedWorker::announce() {
  std::vector<control::Path> paths;
  for (const auto& hub : around_.runtime.hubs) {
    control::Path path;
    path.path = hub->path();
    path.backplane_name = hub->options().backplane_name;
    path.origins = hub->options().origins;
    for (const auto& method : hub->methods().methods()) path.methods.push_back(method.name);
    paths.push_back(std::move(path));
  }
  control::Ready ready;
  ready.channel_prefix = welcome_->channel_prefix;
  ready.max_connections = runtime_->max_connections();
  ready.draining = runtime_->is_draining();
  ready.leaving = leaving_;
  link_.announce(std::move(paths), std::move(ready));
}

bool SupervisedWorker::admits(const control::Accept& accept, std::size_t waiting) {
  if (runtime_ == nullptr) return false;
  if (accept.kind == control::Accept::Kind::kRelay) return true;
  if (runtime_->is_draining() && !names_connection(accept.head)) return false;
  return runtime_->has_room(waiting + 1);
}

void SupervisedWorker::on_accept(control::Accept accept, Descriptor socket) {
  ConnectionOrigin origin;
  origin.remote_address = std::move(accept.client_address);
  origin.local_address = std::move(accept.local_address);
  origin.request_id = std::move(accept.request_id);
  origin.epoch = accept.epoch;
  origin.number = accept.n;
  origin.is_relayed = accept.kind == control::Accept::Kind::kRelay;
  accept.head += accept.early;
  runtime_->serve(std::move(socket), std::move(origin), as_bytes(accept.head));
}

void SupervisedWorker::on_drain(const control::Drain& drain) {
  this->drain({.spread = drain.spread, .hard = drain.hard, .is_stop = drain.stop}, drain.exit);
}

void SupervisedWorker::drain(const ServerRuntime::DrainOrder& order, bool exit) {
  if (runtime_ == nullptr) return exit ? around_.exit(0) : void();
  leaving_ = exit;
  link_.send_state({.draining = true, .leaving = exit});
  runtime_->drain(order, [this, exit] {
    if (!exit) return;
    link_.send_drained();  // leaves at this turn's end, which the exit waits for
    around_.exit(0);
  });
}

void SupervisedWorker::on_undrain() {
  if (runtime_ == nullptr || !runtime_->is_draining()) return;
  runtime_->undrain();
  leaving_ = false;
  link_.send_state({.draining = false});
}

void SupervisedWorker::on_close(const control::Close& close) {
  if (runtime_ != nullptr) runtime_->rebalance(close.count, std::chrono::seconds(close.seconds));
}

void SupervisedWorker::on_gateway_lost(std::string_view why) {
  around_.runtime.log.info("the gateway has ended", {{"why", why}});
  if (runtime_ == nullptr) return around_.exit(0);
  runtime_->drain({.spread = Duration::zero(), .hard = kLostGatewayTime, .is_stop = true}, [this] { around_.exit(0); });
}

void SupervisedWorker::on_terminate() {
  if (link_.has_lost_parent()) return on_gateway_lost("the supervisor has died");
  const Duration spread = welcome_ ? Duration(welcome_->limits.drain_time) : Duration::zero();
  drain({.spread = spread, .hard = 2 * spread, .is_stop = false}, true);
}

void SupervisedWorker::report_load() {
  link_.set_load(runtime_->connections().active(), runtime_->connections().pending());
}

void SupervisedWorker::report_stats() {
  if (runtime_ == nullptr) return;
  control::Stats stats{runtime_->redis_state(), runtime_->series()};
  stats.series["hubgate_hub_log_dropped_total"] = static_cast<double>(around_.log_dropped);
  link_.send_stats(stats);
}

void SupervisedWorker::report_closed(const ClosedRecord& record) {
  if (record.epoch == 0) return;  // not handed over: the proxy saw it end itself
  control::ClosedRecord closed;
  closed.epoch = record.epoch;
  closed.n = record.number;
  closed.reason = std::string(to_string(record.reason));
  closed.by = by_of(record.reason);
  closed.code = record.websocket_code;
  closed.bytes_in = record.bytes_in;
  closed.bytes_out = record.bytes_out;
  closed.frames_in = record.frames_in;
  closed.frames_out = record.frames_out;
  closed.request_id = std::string(record.request_id);
  closed.address = std::string(record.remote_address);
  closed.path = std::string(record.path.substr(0, control::kMaxClosedPath));
  closed.opened = std::chrono::duration_cast<std::chrono::milliseconds>(record.opened.time_since_epoch()).count();
  link_.closed(std::move(closed));
}

}  // namespace hubgate::hub
