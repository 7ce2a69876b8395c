#include "hub/core/hub_call.h"

#include <utility>

#include "hub/core/http_facts.h"
#include "hub/core/hub_connection.h"
#include "hub/core/hub_dispatcher.h"
#include "hub/core/send_to_audience.h"

namespace hubgate::hub {

namespace {
// What a caller gets to see when the server was taken down under a waiting call.
const std::string kNobody;

/// What SignalR throws when another server is needed for a group change.
NamedError as_exception(const Error& error) {
  if (error.code == ErrorCode::kTimeout) return {"TaskCanceledException", "A task was canceled."};
  return {"RedisConnectionException", error.what};
}

Task<Value> without_result(Task<void> task) {
  if (!task.is_done()) return detail::value_of(std::move(task));
  task.get();
  return Task<Value>::done(Value());
}
}  // namespace

HubCall::HubCall(HubDispatcher& dispatcher, HubConnection& connection, Kind kind)
    : dispatcher_(dispatcher), connection_(&connection), kind_(kind) {}

HubCall::~HubCall() = default;

Task<Value> HubCall::run(Hub& hub) {
  switch (kind_) {
    case Kind::kInvocation: return bound->run(hub);
    case Kind::kConnected: return without_result(hub.on_connected());
    case Kind::kDisconnected: return without_result(hub.on_disconnected(std::move(reason)));
  }
  return Task<Value>::done(Value());
}

void HubCall::finish(Value result, std::optional<Failure> failure) {
  finished_ = true;
  for (const FailedSend& send : std::exchange(failed_sends_, {})) {
    if (!send.task.is_awaited()) dispatcher_.on_send_failed(send.error);
  }
  result_ = std::move(result);
  failure_ = std::move(failure);
}

const std::string& HubCall::connection_id() const {
  return connection_ == nullptr ? kNobody : connection_->connection_id();
}

const std::string& HubCall::user_identifier() const {
  return connection_ == nullptr ? kNobody : connection_->user_identifier();
}

void HubCall::abort() {
  if (connection_ != nullptr) connection_->abort_by_hub();
}

CancelToken HubCall::aborted() const {
  if (connection_ != nullptr) return connection_->aborted_token();
  CancelToken over;
  static_cast<void>(over.cancel());
  return over;
}

const HttpFacts* HubCall::http() const {
  const ConnectionContext* transport = connection_ == nullptr ? nullptr : connection_->facts_holder();
  if (transport == nullptr) return nullptr;
  if (facts_ == nullptr) facts_ = std::make_unique<RequestHttpFacts>(*transport);
  return facts_.get();
}

Task<void> HubCall::send(const Audience& audience, std::string_view target, std::vector<Value> arguments) {
  const Invocation invocation{std::string(target), std::move(arguments)};
  Result<void> sent = send_to_audience(dispatcher_.lifetime(), audience, invocation);
  if (sent) return {};
  // SignalR's exception for what is wrong with the call itself, such as an empty group name in a list.
  const TaskSource<void> source;
  source.fail(NamedError("InvalidOperationException", sent.error().what));
  failed_sends_.push_back({source, std::move(sent).error().what});
  return source.task();
}

Task<void> HubCall::add(std::string_view connection_id, std::string_view group) {
  return change_group(true, connection_id, group);
}

Task<void> HubCall::remove(std::string_view connection_id, std::string_view group) {
  return change_group(false, connection_id, group);
}

Task<void> HubCall::change_group(bool add, std::string_view connection_id, std::string_view group) {
  HubLifetimeManager& lifetime = dispatcher_.lifetime();
  const bool holds = add && lifetime.connections().find(connection_id) != nullptr;
  if (holds) ++pending_joins_;
  const TaskSource<void> source;
  Done done = [weak = weak_from_this(), holds, source, &dispatcher = dispatcher_](Result<void> result) {
    if (result) {
      source.complete();
    } else {
      const bool is_awaited = source.is_awaited();
      if (!is_awaited) dispatcher.on_group_change_failed(result.error());
      source.fail(as_exception(result.error()));
    }
    if (!holds) return;
    if (const auto call = weak.lock()) call->join_settled();
  };
  if (add) {
    lifetime.add_to_group(connection_id, group, std::move(done));
  } else {
    lifetime.remove_from_group(connection_id, group, std::move(done));
  }
  return source.task();
}

void HubCall::join_settled() {
  if (pending_joins_ == 0) return;  // we had given up
  --pending_joins_;
  if (pending_joins_ == 0 && finished_ && connection_ != nullptr) connection_->on_call_settled(*this);
}

}  // namespace hubgate::hub
