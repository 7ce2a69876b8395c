#include "hub/core/hub_dispatcher.h"

#include <utility>

#include "hub/core/hub_connection.h"

namespace hubgate::hub {

HubDispatcher::HubDispatcher(const HubMethodTable& methods, MakeHub make_hub, const HubOptions& options, UserId user_id,
                             HubLifetimeManager& lifetime, Log& log)
    : options_(options),
      methods_(methods),
      make_hub_(std::move(make_hub)),
      user_id_(std::move(user_id)),
      lifetime_(lifetime),
      log_(log) {}

HubDispatcher::Outcome HubDispatcher::dispatch(HubConnection& connection, const HubMessage& message) {
  const detail::NamedMethod* method = methods_.find(message.target);
  if (method == nullptr) {
    refuse(connection, message, error_text::unknown_method(message.target));
    return Outcome::kHandled;
  }

  // MessagePack's StreamInvocation echoes the client's spelling.
  const bool is_stream = message.type == MessageType::kStreamInvocation;
  const std::string_view name = is_stream && connection.protocol().transfer_format() == TransferFormat::kBinary
                                    ? std::string_view(message.target)
                                    : std::string_view(method->name);
  std::string detail;
  std::unique_ptr<detail::BoundCall> bound = bind(*method->method, connection.protocol(), message, detail);
  if (bound == nullptr) {
    refuse(connection, message, with_detail(error_text::failed_to_invoke(name), detail, options_.detailed_errors));
    return Outcome::kHandled;
  }
  if (is_stream) {
    refuse(connection, message, error_text::not_streaming(name));
    return Outcome::kHandled;
  }
  if (!connection.has_free_slot()) return Outcome::kMustWait;
  if (!message.stream_ids.empty()) {
    refuse(connection, message, error_text::unexpected_streams(name, message.stream_ids.size()));
    return Outcome::kHandled;
  }

  auto call = std::make_shared<HubCall>(*this, connection, HubCall::Kind::kInvocation);
  call->bound = std::move(bound);
  call->method = method->name;
  call->invocation_id = message.invocation_id;
  ++counters_.calls;
  start(call);
  return Outcome::kHandled;
}

std::unique_ptr<detail::BoundCall> HubDispatcher::bind(const detail::HubMethod& method, const HubProtocol& protocol,
                                                       const HubMessage& message, std::string& detail) const {
  if (!message.arguments_error.empty()) {
    detail = message.arguments_error;
    return nullptr;
  }
  if (message.arguments.size() != method.parameter_count()) {
    detail = error_text::wrong_count(message.arguments.size(), method.parameter_count());
    return nullptr;
  }
  std::vector<Value> arguments(message.arguments.size());
  bool fits = true;
  for (std::size_t i = 0; fits && i < arguments.size(); ++i) {
    fits = protocol.read_value(message.arguments[i], arguments[i]);
  }
  std::unique_ptr<detail::BoundCall> bound;
  try {
    if (fits) bound = method.bind(std::move(arguments), protocol.value_format());
  } catch (...) {
    // A program's own conversion; what it has to say is no more than that the value does not fit.
    log_.debug("an argument's conversion failed", {{"error", describe(std::current_exception()).text}});
  }
  if (bound == nullptr) detail = error_text::kBindingFailed;
  return bound;
}

Result<std::string> HubDispatcher::user_of(const HttpFacts& facts) const {
  if (user_id_ == nullptr) return std::string();
  try {
    return user_id_(facts);
  } catch (...) {
    const Failure failure = describe(std::current_exception());
    log_.warn("the user id function failed", {{"error", failure.text}});
    return make_error(ErrorCode::kInternal, failure.label + ": " + failure.text);
  }
}

void HubDispatcher::connected(HubConnection& connection) {
  start(std::make_shared<HubCall>(*this, connection, HubCall::Kind::kConnected));
}

void HubDispatcher::disconnected(HubConnection& connection, std::optional<std::string> reason) {
  auto call = std::make_shared<HubCall>(*this, connection, HubCall::Kind::kDisconnected);
  call->reason = std::move(reason);
  start(call);
}

void HubDispatcher::start(const std::shared_ptr<HubCall>& call) {
  Task<Value> task;
  try {
    std::unique_ptr<Hub> made = make_hub_();
    Hub& hub = *made;
    hub.enter(*call);
    call->set_hub(std::move(made));
    task = call->run(hub);
  } catch (...) {
    task = Task<Value>::failed(std::current_exception());
  }
  if (task.is_done()) return conclude(call, std::move(task));
  call->connection()->keep(call);
  std::move(task).then([this, call](Task<Value> finished) { conclude(call, std::move(finished)); });
}

void HubDispatcher::conclude(const std::shared_ptr<HubCall>& call, Task<Value> finished) {
  try {
    call->finish(finished.get(), std::nullopt);
  } catch (...) {
    call->finish(Value(), describe(std::current_exception()));
  }
  HubConnection* connection = call->connection();
  if (connection == nullptr) return;  // the server was taken down under it
  if (call->failure()) {
    ++counters_.failed_calls;
    log_.debug("hub code failed",
               {{"method", call->method}, {"label", call->failure()->label}, {"error", call->failure()->text}});
  }
  if (call->is_held()) return connection->hold(call);
  connection->on_call_settled(*call);
}

void HubDispatcher::refuse(HubConnection& connection, const HubMessage& message, const std::string& error) {
  ++counters_.refused_calls;
  log_.debug("call refused", {{"connection", connection.log_id()}, {"error", error}});
  if (!message.invocation_id.empty()) connection.complete_with_error(message.invocation_id, error);
}

void HubDispatcher::on_group_change_failed(const Error& error) {
  ++counters_.unawaited_group_failures;
  log_.warn("a group change that nobody awaited failed", {{"error", error.what}});
}

void HubDispatcher::on_send_failed(std::string_view error) {
  ++counters_.unawaited_send_failures;
  log_.warn("a send that nobody awaited failed", {{"error", error}});
}

void HubDispatcher::on_aborted_failed(const std::exception_ptr& failure) {
  log_.warn("a function that waited for a client's end failed", {{"error", describe(failure).text}});
}

void HubDispatcher::on_joins_given_up() {
  ++counters_.joins_given_up;
  log_.warn("a group's subscription was not confirmed in time; its call goes on without");
}

}  // namespace hubgate::hub
