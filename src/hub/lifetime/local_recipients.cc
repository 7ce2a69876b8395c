#include "hub/lifetime/local_recipients.h"

#include <algorithm>

namespace hubgate::hub {

bool LocalRecipients::add(HubConnectionContext& connection) {
  store_.add(connection);
  const std::string& user = connection.user_identifier();
  return !user.empty() && users_.add(user, connection).is_first_member;
}

LocalRecipients::Left LocalRecipients::remove(HubConnectionContext& connection) {
  Left left;
  if (!store_.remove(connection)) return left;
  for (const HubGroup* group : connection.groups()) {
    std::string name(group->name());  // the group may go with its last member
    if (groups_.remove(name, connection) == HubGroupList::Removed::kLastMember) left.groups.push_back(std::move(name));
  }
  connection.groups() = {};
  const std::string& user = connection.user_identifier();
  left.user = !user.empty() && users_.remove(user, connection) == HubGroupList::Removed::kLastMember;
  return left;
}

bool LocalRecipients::join(HubConnectionContext& connection, std::string_view group) {
  if (connection.is_aborted()) return false;
  const HubGroupList::Added added = groups_.add(group, connection);
  if (added.is_new_member) connection.groups().push_back(added.group);
  return added.is_first_member;
}

bool LocalRecipients::leave(HubConnectionContext& connection, std::string_view group) {
  std::erase_if(connection.groups(), [group](const HubGroup* joined) { return joined->name() == group; });
  return groups_.remove(group, connection) == HubGroupList::Removed::kLastMember;
}

std::uint64_t LocalRecipients::deliver_connection(std::string_view connection_id,
                                                  const SerializedHubMessage& message) const {
  HubConnectionContext* connection = store_.find(connection_id);
  if (connection == nullptr) return 0;
  connection->write(message);
  return 1;
}

std::uint64_t LocalRecipients::deliver_user(std::string_view user, const SerializedHubMessage& message) const {
  const HubGroup* found = users_.find(user);
  return found == nullptr ? 0 : deliver(found->members(), message, {});
}

void LocalRecipients::sort(Connections& connections) { std::sort(connections.begin(), connections.end()); }

std::uint64_t LocalRecipients::deliver(std::span<HubConnectionContext* const> to, const SerializedHubMessage& message,
                                       const Connections& excluded) {
  std::uint64_t count = 0;
  for (HubConnectionContext* connection : to) {
    if (!excluded.empty() && std::binary_search(excluded.begin(), excluded.end(), connection)) continue;
    connection->write(message);
    ++count;
  }
  return count;
}

}  // namespace hubgate::hub
