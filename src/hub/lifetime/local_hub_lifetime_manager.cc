#include "hub/lifetime/local_hub_lifetime_manager.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hubgate::hub {
namespace {

constexpr Names kNobody{};

void tell(const Done& done) {
  if (done) done({});
}

Result<void> sent(const OnSent& on_sent, std::uint64_t receivers) {
  if (on_sent) on_sent(receivers);
  return {};
}

InvocationView view_of(const Invocation& invocation) {
  return {.target = invocation.target, .arguments = invocation.arguments};
}

/// Each name once, empty ones left out.
std::vector<std::string_view> distinct(Names names) {
  std::vector<std::string_view> left(names.begin(), names.end());
  std::sort(left.begin(), left.end());
  left.erase(std::unique(left.begin(), left.end()), left.end());
  std::erase(left, std::string_view{});
  return left;
}

}  // namespace

void LocalHubLifetimeManager::on_connected(HubConnectionContext& connection, Done done) {
  recipients_.add(connection);
  tell(done);
}

void LocalHubLifetimeManager::on_disconnected(HubConnectionContext& connection) { recipients_.remove(connection); }

Result<void> LocalHubLifetimeManager::send_all(const Invocation& invocation, Names excluded, OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  return sent(on_sent, recipients_.deliver_all(message, excluded));
}

Result<void> LocalHubLifetimeManager::send_connection(std::string_view connection_id, const Invocation& invocation,
                                                      OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  return sent(on_sent, recipients_.deliver_connection(connection_id, message));
}

Result<void> LocalHubLifetimeManager::send_connections(Names connection_ids, const Invocation& invocation,
                                                       OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  std::uint64_t receivers = 0;
  for (const std::string_view id : distinct(connection_ids)) receivers += recipients_.deliver_connection(id, message);
  return sent(on_sent, receivers);
}

Result<void> LocalHubLifetimeManager::send_group(std::string_view group, const Invocation& invocation, Names excluded,
                                                 OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  return sent(on_sent, recipients_.deliver_group(group, message, excluded));
}

Result<void> LocalHubLifetimeManager::send_groups(Names groups, const Invocation& invocation, OnSent on_sent) {
  for (const std::string& group : groups) {
    if (group.empty()) return make_error(ErrorCode::kInvalid, "Cannot send to an empty group name.");
  }
  const SerializedHubMessage message(view_of(invocation));
  std::uint64_t receivers = 0;
  for (const std::string& group : groups) receivers += recipients_.deliver_group(group, message, kNobody);
  return sent(on_sent, receivers);
}

Result<void> LocalHubLifetimeManager::send_user(std::string_view user, const Invocation& invocation, OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  return sent(on_sent, recipients_.deliver_user(user, message));
}

Result<void> LocalHubLifetimeManager::send_users(Names users, const Invocation& invocation, OnSent on_sent) {
  const SerializedHubMessage message(view_of(invocation));
  std::uint64_t receivers = 0;
  for (const std::string_view user : distinct(users)) receivers += recipients_.deliver_user(user, message);
  return sent(on_sent, receivers);
}

void LocalHubLifetimeManager::add_to_group(std::string_view connection_id, std::string_view group, Done done) {
  if (HubConnectionContext* connection = recipients_.find(connection_id)) recipients_.join(*connection, group);
  tell(done);
}

void LocalHubLifetimeManager::remove_from_group(std::string_view connection_id, std::string_view group, Done done) {
  if (HubConnectionContext* connection = recipients_.find(connection_id)) recipients_.leave(*connection, group);
  tell(done);
}

}  // namespace hubgate::hub
