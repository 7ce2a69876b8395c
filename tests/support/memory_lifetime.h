#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/hub_lifetime_manager.h"

namespace hubgate::test {

/// A lifetime manager of one process whose confirmations come when the test wants: what HubConnections are tested with.
class MemoryLifetime final : public hub::HubLifetimeManager {
 public:
  /// While set, on_connected and group changes are not confirmed until confirm_all().
  bool holds_registrations = false;
  bool holds_groups = false;
  /// While set, group changes fail at confirm_all().
  bool fails_groups = false;

  void confirm_all() {
    for (auto& done : std::exchange(held_, {})) {
      if (fails_groups) {
        done(make_error(ErrorCode::kUnavailable, "nobody answered"));
      } else {
        done({});
      }
    }
  }
  std::size_t held() const { return held_.size(); }
  const std::vector<std::string>& events() const { return events_; }

  void on_connected(hub::HubConnectionContext& connection, hub::Done done) override {
    events_.push_back("connected " + connection.user_identifier());
    connections_.add(connection);
    give(std::move(done), holds_registrations);
  }
  void on_disconnected(hub::HubConnectionContext& connection) override {
    events_.push_back("disconnected");
    connections_.remove(connection);
    for (auto& [name, members] : groups_) members.erase(connection.connection_id());
  }

  Result<void> send_all(const hub::Invocation& invocation, hub::Names excluded, hub::OnSent on_sent) override {
    return send_to(invocation, on_sent, [&](const hub::HubConnectionContext& connection) {
      return std::find(excluded.begin(), excluded.end(), connection.connection_id()) == excluded.end();
    });
  }
  Result<void> send_connection(std::string_view id, const hub::Invocation& invocation, hub::OnSent on_sent) override {
    return send_to(invocation, on_sent, [&](const auto& connection) { return connection.connection_id() == id; });
  }
  Result<void> send_connections(hub::Names ids, const hub::Invocation& invocation, hub::OnSent on_sent) override {
    return send_to(invocation, on_sent, [&](const auto& connection) {
      return std::find(ids.begin(), ids.end(), connection.connection_id()) != ids.end();
    });
  }
  Result<void> send_group(std::string_view group, const hub::Invocation& invocation, hub::Names excluded,
                          hub::OnSent on_sent) override {
    return send_to(invocation, on_sent, [&](const auto& connection) {
      return groups_[std::string(group)].contains(connection.connection_id()) &&
             std::find(excluded.begin(), excluded.end(), connection.connection_id()) == excluded.end();
    });
  }
  Result<void> send_groups(hub::Names groups, const hub::Invocation& invocation, hub::OnSent on_sent) override {
    for (const std::string& group : groups) {
      if (group.empty()) return make_error(ErrorCode::kInvalid, "Cannot send to an empty group name.");
    }
    for (const std::string& group : groups) {
      Result<void> sent = send_group(group, invocation, {}, nullptr);
      if (!sent) return sent;
    }
    if (on_sent) on_sent(groups.size());
    return {};
  }
  Result<void> send_user(std::string_view user, const hub::Invocation& invocation, hub::OnSent on_sent) override {
    return send_to(invocation, on_sent, [&](const auto& connection) { return connection.user_identifier() == user; });
  }
  Result<void> send_users(hub::Names users, const hub::Invocation& invocation, hub::OnSent on_sent) override {
    return send_to(invocation, on_sent, [&](const auto& connection) {
      return std::find(users.begin(), users.end(), connection.user_identifier()) != users.end();
    });
  }

  void add_to_group(std::string_view id, std::string_view group, hub::Done done) override {
    if (connections_.find(id) != nullptr) groups_[std::string(group)].emplace(id);
    give(std::move(done), holds_groups);
  }
  void remove_from_group(std::string_view id, std::string_view group, hub::Done done) override {
    groups_[std::string(group)].erase(std::string(id));
    give(std::move(done), holds_groups);
  }

 private:
  void give(hub::Done done, bool holds) {
    if (holds) {
      held_.push_back(std::move(done));
    } else {
      done({});
    }
  }
  template <class Wanted>
  Result<void> send_to(const hub::Invocation& invocation, const hub::OnSent& on_sent, Wanted wanted) {
    const hub::SerializedHubMessage message(
        hub::InvocationView{.target = invocation.target, .arguments = invocation.arguments});
    std::uint64_t receivers = 0;
    for (hub::HubConnectionContext* connection : connections_) {
      if (!wanted(*connection)) continue;
      connection->write(message);
      ++receivers;
    }
    if (on_sent) on_sent(receivers);
    return {};
  }

  std::map<std::string, std::set<std::string>> groups_;
  std::vector<hub::Done> held_;
  std::vector<std::string> events_;
};

}  // namespace hubgate::test
