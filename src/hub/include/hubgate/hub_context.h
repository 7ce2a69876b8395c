#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hubgate/convert.h>
#include <hubgate/hub_clients.h>
#include <hubgate/result.h>
#include <hubgate/value.h>

namespace hubgate {

/// What became of a send: how many took it. Without a backplane that is connections, with one it is servers that heard
/// the publish (the sender's own too).
struct SendReceipt {
  std::uint64_t receivers = 0;
};

namespace detail {

/// The hub's side of a HubContext: every function may be called from any thread, never blocks, and calls `on_done`
/// once, in the hub's thread, or in the caller's when the server is gone (kUnavailable).
class HubContextGate {
 public:
  using OnSent = std::function<void(Result<SendReceipt>)>;
  using OnDone = std::function<void(Result<void>)>;
  virtual ~HubContextGate() = default;
  virtual void send(Audience audience, std::string target, std::vector<Value> arguments, OnSent on_done) = 0;
  virtual void change_group(bool add, std::string connection_id, std::string group, OnDone on_done) = 0;
};

}  // namespace detail

/// Calls client methods at some audience from outside of hub methods. Any thread; a small value.
class HubContextProxy {
 public:
  using OnSent = detail::HubContextGate::OnSent;

  HubContextProxy(std::shared_ptr<detail::HubContextGate> gate, Audience audience)
      : gate_(std::move(gate)), audience_(std::move(audience)) {}

  /// Never blocks. The future may be dropped. Errors: kUnavailable (the server is gone or the backplane is down),
  /// kInvalid (the message cannot be sent at all). Sends of one thread through one HubContext keep their order.
  template <class... Arguments>
  std::future<Result<SendReceipt>> send(std::string_view target, const Arguments&... arguments) const {
    auto promise = std::make_shared<std::promise<Result<SendReceipt>>>();
    auto future = promise->get_future();
    send_then([promise](Result<SendReceipt> result) { promise->set_value(std::move(result)); }, target, arguments...);
    return future;
  }
  /// The same; `on_done` is called in the hub's thread and must not block. It may be null.
  template <class... Arguments>
  void send_then(OnSent on_done, std::string_view target, const Arguments&... arguments) const {
    gate_->send(audience_, std::string(target), detail::to_values(arguments...), std::move(on_done));
  }
  void send_values(OnSent on_done, std::string_view target, std::vector<Value> arguments) const {
    gate_->send(audience_, std::string(target), std::move(arguments), std::move(on_done));
  }

 private:
  std::shared_ptr<detail::HubContextGate> gate_;
  Audience audience_;
};

/// SignalR's Clients, as code outside of a hub sees it: no caller, so no others.
class HubContextClients {
 public:
  using Names = std::vector<std::string>;

  explicit HubContextClients(std::shared_ptr<detail::HubContextGate> gate) : gate_(std::move(gate)) {}

  HubContextProxy all() const { return make(Audience::Kind::kAll, {}); }
  HubContextProxy all_except(Names connection_ids) const {
    return make(Audience::Kind::kAll, {}, std::move(connection_ids));
  }
  HubContextProxy client(std::string connection_id) const {
    return make(Audience::Kind::kConnection, {std::move(connection_id)});
  }
  HubContextProxy clients(Names connection_ids) const {
    return make(Audience::Kind::kConnections, std::move(connection_ids));
  }
  HubContextProxy group(std::string name) const { return make(Audience::Kind::kGroup, {std::move(name)}); }
  HubContextProxy group_except(std::string name, Names connection_ids) const {
    return make(Audience::Kind::kGroup, {std::move(name)}, std::move(connection_ids));
  }
  HubContextProxy groups(Names names) const { return make(Audience::Kind::kGroups, std::move(names)); }
  HubContextProxy user(std::string user_id) const { return make(Audience::Kind::kUser, {std::move(user_id)}); }
  HubContextProxy users(Names user_ids) const { return make(Audience::Kind::kUsers, std::move(user_ids)); }

 private:
  HubContextProxy make(Audience::Kind kind, Names names, Names excluded = {}) const {
    return {gate_, Audience{kind, std::move(names), std::move(excluded)}};
  }
  std::shared_ptr<detail::HubContextGate> gate_;
};

/// Changes groups from outside of hub methods. Any thread, never blocks. Errors: kUnavailable, kTimeout (nobody knows
/// the connection), kClosed.
class HubContextGroups {
 public:
  using OnDone = detail::HubContextGate::OnDone;

  explicit HubContextGroups(std::shared_ptr<detail::HubContextGate> gate) : gate_(std::move(gate)) {}

  std::future<Result<void>> add(std::string connection_id, std::string group) const {
    return change(true, std::move(connection_id), std::move(group));
  }
  std::future<Result<void>> remove(std::string connection_id, std::string group) const {
    return change(false, std::move(connection_id), std::move(group));
  }
  void add_then(OnDone on_done, std::string connection_id, std::string group) const {
    gate_->change_group(true, std::move(connection_id), std::move(group), std::move(on_done));
  }
  void remove_then(OnDone on_done, std::string connection_id, std::string group) const {
    gate_->change_group(false, std::move(connection_id), std::move(group), std::move(on_done));
  }

 private:
  std::future<Result<void>> change(bool add, std::string connection_id, std::string group) const {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    auto future = promise->get_future();
    gate_->change_group(add, std::move(connection_id), std::move(group),
                        [promise](Result<void> result) { promise->set_value(std::move(result)); });
    return future;
  }
  std::shared_ptr<detail::HubContextGate> gate_;
};

/// Sends to the clients of one hub from anywhere in the program, such as a timer's thread. Copies are cheap and may
/// outlive the server: everything then ends with kUnavailable.
class HubContext {
 public:
  explicit HubContext(std::shared_ptr<detail::HubContextGate> gate) : gate_(std::move(gate)) {}
  HubContextClients clients() const { return HubContextClients(gate_); }
  HubContextGroups groups() const { return HubContextGroups(gate_); }

 private:
  std::shared_ptr<detail::HubContextGate> gate_;
};

}  // namespace hubgate
