#include "hub/lifetime/hub_group_list.h"

#include <algorithm>

namespace hubgate::hub {

std::size_t HubGroup::place_of(const HubConnectionContext& connection) const {
  if (!places_.empty()) {
    const auto found = places_.find(&connection);
    return found == places_.end() ? members_.size() : found->second;
  }
  return static_cast<std::size_t>(std::find(members_.begin(), members_.end(), &connection) - members_.begin());
}

bool HubGroup::add(HubConnectionContext& connection) {
  if (place_of(connection) != members_.size()) return false;
  members_.push_back(&connection);
  if (!places_.empty()) {
    places_.emplace(&connection, static_cast<std::uint32_t>(members_.size() - 1));
  } else if (members_.size() > kScanned) {
    for (std::uint32_t place = 0; place < members_.size(); ++place) places_.emplace(members_[place], place);
  }
  return true;
}

bool HubGroup::remove(const HubConnectionContext& connection) {
  const std::size_t place = place_of(connection);
  if (place == members_.size()) return false;
  members_[place] = members_.back();
  members_.pop_back();
  if (places_.empty()) return true;
  if (members_.size() <= kScanned / 2) {
    places_ = {};
  } else {
    if (place < members_.size()) places_[members_[place]] = static_cast<std::uint32_t>(place);
    places_.erase(&connection);
  }
  return true;
}

HubGroupList::Added HubGroupList::add(std::string_view name, HubConnectionContext& connection) {
  auto found = groups_.find(name);
  if (found == groups_.end()) {
    std::string key(name);
    found = groups_.try_emplace(std::move(key), std::string_view{}).first;
    found->second.name_ = found->first;
  }
  HubGroup& group = found->second;
  const bool is_new = group.add(connection);
  return {&group, is_new, is_new && group.members_.size() == 1};
}

HubGroupList::Removed HubGroupList::remove(std::string_view name, const HubConnectionContext& connection) {
  const auto found = groups_.find(name);
  if (found == groups_.end() || !found->second.remove(connection)) return Removed::kWasNoMember;
  if (!found->second.members_.empty()) return Removed::kMembersLeft;
  groups_.erase(found);
  return Removed::kLastMember;
}

const HubGroup* HubGroupList::find(std::string_view name) const {
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : &found->second;
}

}  // namespace hubgate::hub
