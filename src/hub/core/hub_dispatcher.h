#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>

#include <hubgate/hub.h>
#include <hubgate/hub_server.h>

#include "common/base/log.h"
#include "hub/core/hub_call.h"
#include "hub/core/hub_lifetime_manager.h"
#include "hub/core/hub_method_table.h"
#include "hub/protocol/hub_protocol.h"

namespace hubgate::hub {

class HubConnection;

/// Turns hub messages into calls of one hub's methods, and exceptions of hub code into what clients may see: the only
/// place but main() where exceptions are caught. Outlives the hub's connections. The loop's thread.
class HubDispatcher {
 public:
  using MakeHub = std::function<std::unique_ptr<Hub>()>;
  using UserId = std::function<std::string(const HttpFacts&)>;

  /// What happened, for statistics; ever growing.
  struct Counters {
    std::uint64_t calls = 0;          // methods that ran
    std::uint64_t failed_calls = 0;   // of them, those that ended with an exception
    std::uint64_t refused_calls = 0;  // errors A to F: no such method, arguments that do not fit
    std::uint64_t unawaited_group_failures = 0;
    std::uint64_t joins_given_up = 0;  // completions that were held for the full time
    std::uint64_t unawaited_send_failures = 0;
  };

  /// `options` is copied; `user_id` may be null: no users. The rest outlives the dispatcher.
  HubDispatcher(const HubMethodTable& methods, MakeHub make_hub, const HubOptions& options, UserId user_id,
                HubLifetimeManager& lifetime, Log& log);

  enum class Outcome {
    kHandled,
    kMustWait,  // a plain call, and all slots are taken: nothing has happened, offer it again later
  };
  /// An Invocation or StreamInvocation: checks in SignalR's order and runs the method. Errors are
  /// answered at once if the client wants an answer.
  Outcome dispatch(HubConnection& connection, const HubMessage& message);

  /// Runs the hub's on_connected or on_disconnected; the connection hears by on_call_settled().
  void connected(HubConnection& connection);
  void disconnected(HubConnection& connection, std::optional<std::string> reason);

  /// The user that a client belongs to, by the program's function, which may throw.
  Result<std::string> user_of(const HttpFacts& facts) const;

  HubLifetimeManager& lifetime() { return lifetime_; }
  const Counters& counters() const { return counters_; }

  /// A group change failed and nobody had awaited it.
  void on_group_change_failed(const Error& error);
  void on_joins_given_up();
  /// A send could not be made, and nobody had awaited it.
  void on_send_failed(std::string_view error);
  /// A function that waited for a client's aborted signal threw.
  void on_aborted_failed(const std::exception_ptr& failure);

 private:
  void start(const std::shared_ptr<HubCall>& call);
  void conclude(const std::shared_ptr<HubCall>& call, Task<Value> finished);
  /// The arguments as the method takes them; nullptr with the reason in `detail` when they do not fit.
  std::unique_ptr<detail::BoundCall> bind(const detail::HubMethod& method, const HubProtocol& protocol,
                                          const HubMessage& message, std::string& detail) const;
  void refuse(HubConnection& connection, const HubMessage& message, const std::string& error);

  const HubOptions options_;
  const HubMethodTable& methods_;
  const MakeHub make_hub_;
  const UserId user_id_;
  HubLifetimeManager& lifetime_;
  Log& log_;
  Counters counters_;
};

}  // namespace hubgate::hub
