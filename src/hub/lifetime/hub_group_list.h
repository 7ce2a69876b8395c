#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/core/hub_connection_context.h"

namespace hubgate::hub {

/// The local connections of one group (or of one user), densely. Belongs to a HubGroupList; it is gone when its last
/// member leaves.
class HubGroup {
 public:
  explicit HubGroup(std::string_view name) : name_(name) {}

  std::string_view name() const { return name_; }
  std::span<HubConnectionContext* const> members() const { return members_; }

 private:
  friend class HubGroupList;
  static constexpr std::size_t kScanned = 32;  // members; up to here a look at each is cheaper than a table

  bool add(HubConnectionContext& connection);
  bool remove(const HubConnectionContext& connection);
  std::size_t place_of(const HubConnectionContext& connection) const;

  std::string_view name_;  // the list's key
  std::vector<HubConnectionContext*> members_;
  std::unordered_map<const HubConnectionContext*, std::uint32_t> places_;  // empty while there are few members
};

/// Named sets of local connections. Names are compared byte by byte. Owns no connection.
class HubGroupList {
 public:
  struct Added {
    HubGroup* group;
    bool is_new_member;
    bool is_first_member;
  };
  Added add(std::string_view name, HubConnectionContext& connection);

  enum class Removed : std::uint8_t { kWasNoMember, kMembersLeft, kLastMember };
  /// After kLastMember the group is gone, and so is a name that is a view of its own.
  Removed remove(std::string_view name, const HubConnectionContext& connection);

  /// nullptr when nobody is in it.
  const HubGroup* find(std::string_view name) const;
  std::size_t size() const { return groups_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, HubGroup, Hash, std::equal_to<>> groups_;
};

}  // namespace hubgate::hub
