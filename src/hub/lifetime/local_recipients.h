#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/hub_lifetime_manager.h"
#include "hub/lifetime/hub_group_list.h"
#include "hub/protocol/serialized_hub_message.h"

namespace hubgate::hub {

/// Who is here: the connections of one hub in this process with their groups and users, and delivery to them. What both
/// lifetime managers share. Every deliver function returns how many connections were written to.
class LocalRecipients {
 public:
  explicit LocalRecipients(HubConnectionStore& store) : store_(store) {}

  /// True when the connection is the first here of its user.
  bool add(HubConnectionContext& connection);

  /// What became empty when a connection went, for whoever holds subscriptions; in the order of joining.
  struct Left {
    std::vector<std::string> groups;
    bool user = false;
  };
  Left remove(HubConnectionContext& connection);

  HubConnectionContext* find(std::string_view connection_id) const { return store_.find(connection_id); }

  /// True when the connection is the group's first member here. Nothing happens when it is a member already, or
  /// aborted.
  bool join(HubConnectionContext& connection, std::string_view group);
  /// True when it was the group's last member here.
  bool leave(HubConnectionContext& connection, std::string_view group);

  template <class Ids>
  std::uint64_t deliver_all(const SerializedHubMessage& message, const Ids& excluded_ids) const {
    return deliver({store_.begin(), store_.end()}, message, resolve(excluded_ids));
  }
  template <class Ids>
  std::uint64_t deliver_group(std::string_view group, const SerializedHubMessage& message,
                              const Ids& excluded_ids) const {
    const HubGroup* found = groups_.find(group);
    return found == nullptr ? 0 : deliver(found->members(), message, resolve(excluded_ids));
  }
  std::uint64_t deliver_connection(std::string_view connection_id, const SerializedHubMessage& message) const;
  std::uint64_t deliver_user(std::string_view user, const SerializedHubMessage& message) const;

 private:
  using Connections = std::vector<const HubConnectionContext*>;

  /// The excluded ones that are here at all, sorted.
  template <class Ids>
  Connections resolve(const Ids& ids) const {
    Connections found;
    for (const auto& id : ids) {
      if (const HubConnectionContext* connection = store_.find(id)) found.push_back(connection);
    }
    sort(found);
    return found;
  }
  static void sort(Connections& connections);
  static std::uint64_t deliver(std::span<HubConnectionContext* const> to, const SerializedHubMessage& message,
                               const Connections& excluded);

  HubConnectionStore& store_;
  HubGroupList groups_;
  HubGroupList users_;
};

}  // namespace hubgate::hub
