#pragma once

#include <string_view>

#include <hubgate/task.h>

namespace hubgate {

/// Adds connections to groups and takes them out. Names of groups and ids are compared byte by byte; adding twice or
/// removing a stranger does nothing. The hub's thread.
///
/// The task is done when messages to the group are sure to reach the connection (or to miss it), on whatever server
/// they are sent. The completion of a running call waits for its adds of connections of this server, awaited or not, at
/// most 5 s, so "Join returned" means "the next group message reaches me". An operation on a connection of another
/// server fails with NamedError: "RedisConnectionException" when the backplane is down, "TaskCanceledException" when no
/// server answers for the connection. An error that nobody awaits is logged and counted.
class GroupManager {
 public:
  virtual ~GroupManager() = default;
  virtual Task<void> add(std::string_view connection_id, std::string_view group) = 0;
  virtual Task<void> remove(std::string_view connection_id, std::string_view group) = 0;
};

}  // namespace hubgate
