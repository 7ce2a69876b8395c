#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hubgate/hub.h>

#include "common/base/clock.h"
#include "hub/core/error_texts.h"

namespace hubgate::hub {

class HubConnection;
class HubDispatcher;

/// One run of hub code for one client: an invocation, on_connected or on_disconnected. It is what the hub object
/// reaches while it runs, and it outlives the hub's task. Shared by the task's continuation and, while it runs past its
/// start, by its connection. The loop's thread.
class HubCall final : public detail::HubScope,
                      public std::enable_shared_from_this<HubCall>,
                      private HubCallerContext,
                      private detail::ClientSender,
                      private GroupManager {
 public:
  enum class Kind : std::uint8_t { kInvocation, kConnected, kDisconnected };

  HubCall(HubDispatcher& dispatcher, HubConnection& connection, Kind kind);
  ~HubCall() override;

  Kind kind() const { return kind_; }
  /// nullptr when the server was taken down under a waiting call.
  HubConnection* connection() const { return connection_; }
  void forget_connection() { connection_ = nullptr; }

  // For an invocation: what to run, how to call it in error texts, whom to answer (empty: nobody).
  std::unique_ptr<detail::BoundCall> bound;
  std::string_view method;
  std::string invocation_id;
  // For on_disconnected.
  std::optional<std::string> reason;

  /// Makes the hub object and runs the method; may throw what hub code throws.
  Task<Value> run(Hub& hub);
  /// The hub object lives as long as the call.
  void set_hub(std::unique_ptr<Hub> hub) { hub_ = std::move(hub); }

  /// What came out of it, once it is finished; a failure has no result.
  void finish(Value result, std::optional<Failure> failure);
  bool is_finished() const { return finished_; }
  Value& result() { return result_; }
  const std::optional<Failure>& failure() const { return failure_; }

  /// Finished, but adds to groups of connections of this server are not confirmed yet: the completion is held.
  bool is_held() const { return finished_ && pending_joins_ > 0; }
  /// When it became held; meaningful while it is.
  TimePoint held_since() const { return held_since_; }
  void set_held_since(TimePoint now) { held_since_ = now; }
  /// Stops waiting: what is still unconfirmed took too long.
  void give_up_joins() { pending_joins_ = 0; }

  // HubScope
  HubCallerContext& caller() override { return *this; }
  detail::ClientSender& sender() override { return *this; }
  GroupManager& groups() override { return *this; }

 private:
  // HubCallerContext
  const std::string& connection_id() const override;
  const std::string& user_identifier() const override;
  void abort() override;
  CancelToken aborted() const override;
  const HttpFacts* http() const override;
  // ClientSender
  Task<void> send(const Audience& audience, std::string_view target, std::vector<Value> arguments) override;
  // GroupManager
  Task<void> add(std::string_view connection_id, std::string_view group) override;
  Task<void> remove(std::string_view connection_id, std::string_view group) override;
  Task<void> change_group(bool add, std::string_view connection_id, std::string_view group);
  void join_settled();

  HubDispatcher& dispatcher_;
  HubConnection* connection_;
  std::unique_ptr<Hub> hub_;
  mutable std::unique_ptr<HttpFacts> facts_;  // made when asked for
  struct FailedSend {
    TaskSource<void> task;
    std::string error;
  };
  std::vector<FailedSend> failed_sends_;  // until it is known whether anybody has looked at them
  Value result_;
  std::optional<Failure> failure_;
  TimePoint held_since_{};
  std::uint32_t pending_joins_ = 0;
  Kind kind_;
  bool finished_ = false;
};

}  // namespace hubgate::hub
