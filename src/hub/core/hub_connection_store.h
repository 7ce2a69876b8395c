#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "hub/core/hub_connection_context.h"

namespace hubgate::hub {

/// The connections of one hub in one process: found by id, walked densely for broadcasts. Owns none of them. While it
/// is walked nobody is added or removed: writing to a connection only marks it.
class HubConnectionStore {
 public:
  /// False, and nothing changes, when the id is there already.
  bool add(HubConnectionContext& connection) {
    if (!by_id_.insert(&connection).second) return false;
    connection.place_in_store_ = dense_.size();
    dense_.push_back(&connection);
    return true;
  }

  /// False when it was not there.
  bool remove(HubConnectionContext& connection) {
    if (by_id_.erase(&connection) == 0) return false;
    HubConnectionContext* last = dense_.back();
    dense_[connection.place_in_store_] = last;
    last->place_in_store_ = connection.place_in_store_;
    dense_.pop_back();
    return true;
  }

  /// nullptr when no connection has that id.
  HubConnectionContext* find(std::string_view connection_id) const {
    const auto found = by_id_.find(connection_id);
    return found == by_id_.end() ? nullptr : *found;
  }

  std::size_t size() const { return dense_.size(); }
  auto begin() const { return dense_.begin(); }
  auto end() const { return dense_.end(); }

 private:
  // Keys are the connections themselves: the id is kept once, by the connection.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
    std::size_t operator()(const HubConnectionContext* connection) const {
      return (*this)(connection->connection_id());
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const HubConnectionContext* a, const HubConnectionContext* b) const {
      return a->connection_id() == b->connection_id();
    }
    bool operator()(std::string_view a, const HubConnectionContext* b) const { return a == b->connection_id(); }
    bool operator()(const HubConnectionContext* a, std::string_view b) const { return a->connection_id() == b; }
  };

  std::unordered_set<HubConnectionContext*, Hash, Equal> by_id_;
  std::vector<HubConnectionContext*> dense_;
};

}  // namespace hubgate::hub
