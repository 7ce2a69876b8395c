#include "hub/server/server_runtime.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace hubgate::hub {

namespace {

/// Descriptors that clients never get: links, Redis, listeners, logs, and relays of the proxy.
constexpr std::size_t kReservedDescriptors = 64;

/// How often it is looked whether Redis has taken all.
constexpr Duration kLastWordsLook = std::chrono::milliseconds(10);

std::size_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace

ServerRuntime::ServerRuntime(const Surroundings& surroundings)
    : around_(surroundings),
      connections_(surroundings.loop, surroundings.loop, surroundings.random, surroundings.log, {}),
      http_(surroundings.loop, surroundings.loop, connections_),
      closer_(surroundings.loop, surroundings.random, connections_),
      hard_(surroundings.loop, [this] { connections_.abort_all(); }),
      check_(surroundings.loop, [this] { check_drained(); }) {
  connections_.set_on_load_changed([this] { on_load_changed(); });
  http_.set_admission([this](std::size_t more) { return has_room(more); });
}

ServerRuntime::~ServerRuntime() {
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

Result<void> ServerRuntime::open(const Settings& settings) {
  const std::size_t possible = descriptor_limit();
  const std::size_t free = possible > 2 * kReservedDescriptors ? possible - kReservedDescriptors : possible / 2;
  const std::size_t most = free / 10 * 9;  // the rest is for sockets that are on their way out
  max_connections_ = settings.max_connections == 0 ? most : std::min(most, settings.max_connections);

  for (const auto& hub : around_.hubs) {
    Result<void> opened = hub->open({around_.loop, around_.log, around_.random}, settings.backplane, settings.user_id,
                                    settings.on_redis_state);
    if (!opened) return opened;
    connections_.map(hub->path(), hub->handler(), {}, hub->origins());
  }
  return {};
}

void ServerRuntime::set_limits(const Limits& limits) {
  connections_.set_transport_limits(limits.transport);
  for (const auto& hub : around_.hubs) {
    hub->set_receive_limits(limits.receive);
    hub->set_redis_queue(limits.redis_queue);
  }
}

Result<std::string> ServerRuntime::listen(std::string_view text) {
  const Result<net::Address> address = net::Address::parse(text);
  if (!address) return address.error();
  Result<Descriptor> socket = net::open_listening_socket(*address);
  if (!socket) return std::move(socket).error();
  if (address->is_unix()) unix_path_ = address->host();
  listener_.emplace(around_.loop, std::move(*socket), [this](Descriptor accepted, const net::Address& peer) {
    // Over the limit: the socket closes as `accepted` ends.
    if (!has_room(1)) return;
    ConnectionOrigin origin;
    origin.remote_address = peer.to_string();
    serve(std::move(accepted), std::move(origin));
  });
  return listener_->address().to_string();
}

void ServerRuntime::serve(Descriptor socket, ConnectionOrigin origin, Bytes input) {
  http_.serve(std::move(socket), std::move(origin), input);
}

bool ServerRuntime::has_room(std::size_t more) const {
  return connections_.active() + connections_.pending() + http_.http_connections() + more <= max_connections_;
}

void ServerRuntime::drain(const DrainOrder& order, std::function<void()> on_drained) {
  draining_ = true;
  on_drained_ = std::move(on_drained);
  if (listener_) listener_->close();
  http_.drain_http();
  if (order.is_stop) connections_.forget_pending();
  closer_.start(std::nullopt, order.spread);
  hard_.start(order.hard);
  waits_until_ = around_.loop.now() + order.hard + kLastWords;
  check_.start(Duration::zero());
}

void ServerRuntime::undrain() {
  draining_ = false;
  on_drained_ = nullptr;
  closer_.cancel();
  hard_.cancel();
  check_.cancel();
}

void ServerRuntime::on_load_changed() {
  if (on_drained_ != nullptr && connections_.is_empty()) check_.start(Duration::zero());
  if (on_load_changed_) on_load_changed_();
}

void ServerRuntime::check_drained() {
  if (on_drained_ == nullptr || !connections_.is_empty()) return;
  // A link that ends takes with it what Redis has not read.
  std::size_t unanswered = 0;
  for (const auto& hub : around_.hubs) unanswered += hub->unanswered();
  if (unanswered > 0) {
    if (around_.loop.now() < waits_until_) return check_.start(kLastWordsLook);
    around_.log.warn("Redis has not taken all messages of a server that ends", {{"messages", unanswered}});
  }
  const auto on_drained = std::exchange(on_drained_, nullptr);
  on_drained();
}

std::map<std::string, double> ServerRuntime::series() const {
  std::map<std::string, double> series;
  series["hubgate_hub_active_connections"] = static_cast<double>(connections_.active());
  series["hubgate_hub_pending_connections"] = static_cast<double>(connections_.pending());
  for (const auto& hub : around_.hubs) hub->add_series(series);
  return series;
}

std::string ServerRuntime::redis_state() const {
  std::string worst;
  for (const auto& hub : around_.hubs) {
    const std::string_view state = hub->redis_state();
    if (worst.empty() || (!state.empty() && state != "ready")) worst = state;
  }
  return worst;
}

}  // namespace hubgate::hub
