#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <hubgate/hub_server.h>

#include "common/base/log.h"
#include "common/event/loop.h"
#include "common/event/timer.h"
#include "hub/connections/connection_context.h"
#include "hub/core/hub_connection.h"
#include "hub/core/hub_dispatcher.h"
#include "hub/protocol/hub_protocol.h"

namespace hubgate::hub {

/// Bytes of one client's input; what a hub's options leave open. A hub's own options stand above them.
struct ReceiveLimits {
  std::size_t max_message = 32 * 1024;  // 0: no limit
  std::size_t max_waiting = 64 * 1024;  // held for calls that wait for another to end
};

/// All connections of one hub: makes them when a transport attaches, sweeps them once a heartbeat.
/// Outlives the manager of the transports. The loop's thread.
class HubConnectionHandler final : public ConnectionAcceptor {
 public:
  /// What happened, for statistics; ever growing.
  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t failed_handshakes = 0;
    std::uint64_t messages_in = 0;
    std::uint64_t messages_out = 0;  // completions and sends; pings are not counted
    std::uint64_t client_timeouts = 0;
    std::uint64_t broken_messages = 0;  // protocol violations
    std::uint64_t unwritable_messages = 0;
    std::uint64_t slow_consumers = 0;
  };

  /// What a handler works with; all of it outlives the handler.
  struct Surroundings {
    event::Loop& loop;      // for what must wait for an empty stack
    event::Timers& timers;  // time; the loop, but for tests
    Log& log;
    HubDispatcher& dispatcher;
    HubLifetimeManager& lifetime;
  };
  /// `protocols` are those that clients of this hub may choose.
  HubConnectionHandler(const Surroundings& surroundings, const HubOptions& options,
                       std::vector<const HubProtocol*> protocols);
  ~HubConnectionHandler() override;

  // ConnectionAcceptor
  ConnectionHandler& accept(ConnectionContext& connection) override;
  void released(ConnectionContext& connection) override;

  /// Connections that a transport holds, in any state.
  std::size_t size() const { return connections_.size(); }
  const Counters& counters() const { return counters_; }
  const HubOptions& options() const { return options_; }
  /// Those of the server; connections that live go by them at once.
  void set_receive_limits(const ReceiveLimits& limits) { limits_ = limits; }
  std::size_t max_message() const { return options_.maximum_receive_message_size.value_or(limits_.max_message); }
  std::size_t max_waiting() const { return options_.application_max_buffer_size.value_or(limits_.max_waiting); }

 private:
  friend class HubConnection;  // a connection's own look at its hub

  const EncodedMessage& ping(const HubProtocol& protocol) const;
  void register_connection(HubConnection& connection);
  void schedule(HubConnection& connection);
  void advance_scheduled();
  void beat();
  void remove_if_over(HubConnection& connection);

  Surroundings around_;
  const HubOptions options_;
  ReceiveLimits limits_;
  const std::vector<const HubProtocol*> protocols_;
  std::vector<EncodedMessage> pings_;  // one for each protocol, framed once for all connections
  HubMessage message_;                 // the message that is being read; its memory is used again
  Counters counters_;
  std::unordered_map<const ConnectionContext*, std::unique_ptr<HubConnection>> connections_;
  std::vector<std::unique_ptr<HubConnection>> remaining_;  // without a transport, but hub code still runs
  std::vector<HubConnection*> scheduled_;
  bool schedule_posted_ = false;
  const Duration beat_interval_;
  event::Timer heartbeat_;
  // Tells a posted task whether the handler still is.
  std::shared_ptr<HubConnectionHandler*> self_ = std::make_shared<HubConnectionHandler*>(this);
};

}  // namespace hubgate::hub
