#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <hubgate/hub_context.h>
#include <hubgate/task.h>

#include "hub/core/hub_lifetime_manager.h"

namespace hubgate::hub {

/// What HubContexts of one hub send through: takes requests from any thread and gives them to the hub's lifetime
/// manager in its loop's thread. Shared with the contexts, which may outlive the server.
class HubContextGate final : public detail::HubContextGate, public std::enable_shared_from_this<HubContextGate> {
 public:
  explicit HubContextGate(std::shared_ptr<Executor> executor) : executor_(std::move(executor)) {}

  // From any thread.
  void send(Audience audience, std::string target, std::vector<Value> arguments, OnSent on_done) override;
  void change_group(bool add, std::string connection_id, std::string group, OnDone on_done) override;

  // In the loop's thread.
  /// There is a lifetime manager: what waited goes to it, in order.
  void open(HubLifetimeManager& lifetime);
  /// The manager ends: from now on every request ends with kUnavailable.
  void close();

 private:
  using Request = std::function<void(HubLifetimeManager& lifetime)>;
  void post(Request request);
  void run(Request request);

  const std::shared_ptr<Executor> executor_;
  // The loop's thread only.
  HubLifetimeManager* lifetime_ = nullptr;
  bool closed_ = false;
  std::vector<Request> waiting_;  // until there is a manager
};

}  // namespace hubgate::hub
