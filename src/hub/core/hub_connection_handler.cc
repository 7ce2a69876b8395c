#include "hub/core/hub_connection_handler.h"

#include <algorithm>
#include <utility>

namespace hubgate::hub {

namespace {

constexpr Duration kHeartbeat = std::chrono::seconds(1);
constexpr Duration kShortestHeartbeat = std::chrono::milliseconds(10);

/// A second, as SignalR has it, unless a limit is so short that a second is no measure for it.
Duration heartbeat_for(const HubOptions& options) {
  const Duration shortest =
      std::min({options.handshake_timeout, options.keep_alive_interval, options.client_timeout_interval});
  return std::clamp(shortest / 5, kShortestHeartbeat, kHeartbeat);
}

}  // namespace

HubConnectionHandler::HubConnectionHandler(const Surroundings& surroundings, const HubOptions& options,
                                           std::vector<const HubProtocol*> protocols)
    : around_(surroundings),
      options_(options),
      protocols_(std::move(protocols)),
      beat_interval_(heartbeat_for(options)),
      heartbeat_(surroundings.timers, [this] { beat(); }) {
  for (const HubProtocol* offered : protocols_) pings_.push_back(EncodedMessage{offered->write_ping()});
  heartbeat_.start(beat_interval_);
}

HubConnectionHandler::~HubConnectionHandler() { *self_ = nullptr; }

ConnectionHandler& HubConnectionHandler::accept(ConnectionContext& connection) {
  ++counters_.accepted;
  auto made = std::make_unique<HubConnection>(*this, connection);
  HubConnection& hub_connection = *made;
  connections_.emplace(&connection, std::move(made));
  return hub_connection;
}

void HubConnectionHandler::released(ConnectionContext& connection) {
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  std::unique_ptr<HubConnection> gone = std::move(found->second);
  connections_.erase(found);
  HubConnection& hub_connection = *gone;
  remaining_.push_back(std::move(gone));
  hub_connection.on_transport_gone();
  remove_if_over(hub_connection);
}

void HubConnectionHandler::remove_if_over(HubConnection& connection) {
  if (!connection.is_over()) return;
  const auto place = std::find_if(remaining_.begin(), remaining_.end(),
                                  [&](const auto& remaining) { return remaining.get() == &connection; });
  if (place == remaining_.end()) return;  // its transport still is
  if (connection.is_scheduled) std::erase(scheduled_, &connection);
  // It may be on the stack above us: destroyed after the turn.
  around_.loop.dispose_value(std::move(*place));
  remaining_.erase(place);
}

const EncodedMessage& HubConnectionHandler::ping(const HubProtocol& protocol) const {
  const auto place = std::find(protocols_.begin(), protocols_.end(), &protocol);
  return pings_[static_cast<std::size_t>(place - protocols_.begin())];
}

void HubConnectionHandler::register_connection(HubConnection& connection) {
  around_.lifetime.on_connected(
      connection, [weak = std::weak_ptr(self_), id = connection.connection_id()](const Result<void>& result) {
        const auto self = weak.lock();
        if (self == nullptr || *self == nullptr) return;
        // By id: the connection may have ended while it was registered.
        HubConnectionContext* found = (*self)->around_.lifetime.connections().find(id);
        if (found != nullptr) static_cast<HubConnection*>(found)->on_registered(result);
      });
}

void HubConnectionHandler::schedule(HubConnection& connection) {
  if (connection.is_scheduled) return;
  connection.is_scheduled = true;
  scheduled_.push_back(&connection);
  if (std::exchange(schedule_posted_, true)) return;
  around_.loop.run_later([weak = std::weak_ptr(self_)] {
    const auto self = weak.lock();
    if (self != nullptr && *self != nullptr) (*self)->advance_scheduled();
  });
}

void HubConnectionHandler::advance_scheduled() {
  schedule_posted_ = false;
  // Who is scheduled meanwhile has its turn in the next round. None of these is destroyed before the turn's end.
  for (HubConnection* connection : std::exchange(scheduled_, {})) {
    connection->is_scheduled = false;
    connection->advance();
    remove_if_over(*connection);
  }
}

void HubConnectionHandler::beat() {
  const TimePoint now = around_.timers.now();
  for (auto& [transport, connection] : connections_) connection->beat(now);
  for (auto& connection : remaining_) connection->beat(now);
  heartbeat_.start(beat_interval_);
}

}  // namespace hubgate::hub
