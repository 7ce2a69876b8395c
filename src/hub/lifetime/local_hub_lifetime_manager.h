#pragma once

#include "hub/core/hub_lifetime_manager.h"
#include "hub/lifetime/local_recipients.h"

namespace hubgate::hub {

/// All connections of the hub are in this process. Everything is done before a call returns.
class LocalHubLifetimeManager final : public HubLifetimeManager {
 public:
  void on_connected(HubConnectionContext& connection, Done done) override;
  void on_disconnected(HubConnectionContext& connection) override;

  Result<void> send_all(const Invocation& invocation, Names excluded, OnSent on_sent) override;
  Result<void> send_connection(std::string_view connection_id, const Invocation& invocation, OnSent on_sent) override;
  /// Once to each connection, however often it is named.
  Result<void> send_connections(Names connection_ids, const Invocation& invocation, OnSent on_sent) override;
  Result<void> send_group(std::string_view group, const Invocation& invocation, Names excluded,
                          OnSent on_sent) override;
  /// Error kInvalid when one of the names is empty; nothing is sent then.
  Result<void> send_groups(Names groups, const Invocation& invocation, OnSent on_sent) override;
  Result<void> send_user(std::string_view user, const Invocation& invocation, OnSent on_sent) override;
  /// Once to each connection, however often its user is named.
  Result<void> send_users(Names users, const Invocation& invocation, OnSent on_sent) override;

  void add_to_group(std::string_view connection_id, std::string_view group, Done done) override;
  void remove_from_group(std::string_view connection_id, std::string_view group, Done done) override;

 private:
  LocalRecipients recipients_{connections_};
};

}  // namespace hubgate::hub
