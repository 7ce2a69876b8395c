#include "hub/core/hub_context_gate.h"

#include <utility>

#include "hub/core/send_to_audience.h"

namespace hubgate::hub {

namespace {

/// Calls `on_done` once: with the outcome, or with kUnavailable when the request is dropped on its way.
template <class T>
class Answer {
 public:
  explicit Answer(std::function<void(Result<T>)> on_done) : on_done_(std::move(on_done)) {}
  ~Answer() { give(make_error(ErrorCode::kUnavailable, "the server is gone")); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  void give(Result<T> result) {
    if (const auto on_done = std::exchange(on_done_, nullptr)) on_done(std::move(result));
  }
  bool is_wanted() const { return on_done_ != nullptr; }

 private:
  std::function<void(Result<T>)> on_done_;
};

}  // namespace

void HubContextGate::send(Audience audience, std::string target, std::vector<Value> arguments, OnSent on_done) {
  auto answer = std::make_shared<Answer<SendReceipt>>(std::move(on_done));
  auto invocation = std::make_shared<Invocation>(Invocation{std::move(target), std::move(arguments)});
  post([audience = std::move(audience), invocation, answer](HubLifetimeManager& lifetime) {
    hub::OnSent on_sent;
    if (answer->is_wanted()) {
      on_sent = [answer](const Result<std::uint64_t>& receivers) {
        if (receivers) {
          answer->give(SendReceipt{*receivers});
        } else {
          answer->give(receivers.error());
        }
      };
    }
    Result<void> sent = send_to_audience(lifetime, audience, *invocation, std::move(on_sent));
    if (!sent) answer->give(std::move(sent).error());
  });
}

void HubContextGate::change_group(bool add, std::string connection_id, std::string group, OnDone on_done) {
  auto answer = std::make_shared<Answer<void>>(std::move(on_done));
  post([add, connection_id = std::move(connection_id), group = std::move(group), answer](HubLifetimeManager& lifetime) {
    Done done = [answer](Result<void> result) { answer->give(std::move(result)); };
    if (add) {
      lifetime.add_to_group(connection_id, group, std::move(done));
    } else {
      lifetime.remove_from_group(connection_id, group, std::move(done));
    }
  });
}

void HubContextGate::post(Request request) {
  // Also from the loop's own thread: nothing overtakes what was asked before.
  executor_->post([self = shared_from_this(), request = std::move(request)] { self->run(request); });
}

void HubContextGate::run(Request request) {
  if (closed_) return;
  if (lifetime_ == nullptr) {
    waiting_.push_back(std::move(request));
  } else {
    request(*lifetime_);
  }
}

void HubContextGate::open(HubLifetimeManager& lifetime) {
  lifetime_ = &lifetime;
  for (Request& request : std::exchange(waiting_, {})) request(lifetime);
}

void HubContextGate::close() {
  closed_ = true;
  lifetime_ = nullptr;
  waiting_.clear();
}

}  // namespace hubgate::hub
