#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>
#include <hubgate/value.h>

#include "hub/core/hub_connection_store.h"

namespace hubgate::hub {

/// A call of a client method, before it is encoded: target and arguments, without an invocation id.
struct Invocation {
  std::string target;
  std::vector<Value> arguments;
};

/// Tells the end of an operation. May be called before the operation returns, and is called once.
using Done = std::function<void(Result<void>)>;
/// Tells what became of a send: the number of receivers, which is connections for a local manager and servers that
/// took the publish for a backplane. Null when nobody asks.
using OnSent = std::function<void(Result<std::uint64_t>)>;
/// Connection ids, group names or user ids.
using Names = std::span<const std::string>;

/// Who can be reached, and how: the connections of one hub here and, behind a backplane, elsewhere. One for each hub;
/// the loop's thread. A send never waits and never closes a connection: it writes to HubConnectionContexts, which mark.
/// Sends return at once; a failure that belongs to the sender (an empty group name, an argument that no protocol can
/// write) is the returned Error, and `on_sent` is not called then.
class HubLifetimeManager {
 public:
  virtual ~HubLifetimeManager() = default;

  /// Registers a connection: from now on sends reach it. `done` comes when sends from other servers do, too; after
  /// that hub code runs for it. The connection stays valid until on_disconnected.
  virtual void on_connected(HubConnectionContext& connection, Done done) = 0;
  /// Forgets a connection, its groups and its user. Waiting operations of it end.
  virtual void on_disconnected(HubConnectionContext& connection) = 0;

  virtual Result<void> send_all(const Invocation& invocation, Names excluded = {}, OnSent on_sent = nullptr) = 0;
  virtual Result<void> send_connection(std::string_view connection_id, const Invocation& invocation,
                                       OnSent on_sent = nullptr) = 0;
  virtual Result<void> send_connections(Names connection_ids, const Invocation& invocation,
                                        OnSent on_sent = nullptr) = 0;
  virtual Result<void> send_group(std::string_view group, const Invocation& invocation, Names excluded = {},
                                  OnSent on_sent = nullptr) = 0;
  virtual Result<void> send_groups(Names groups, const Invocation& invocation, OnSent on_sent = nullptr) = 0;
  virtual Result<void> send_user(std::string_view user, const Invocation& invocation, OnSent on_sent = nullptr) = 0;
  virtual Result<void> send_users(Names users, const Invocation& invocation, OnSent on_sent = nullptr) = 0;

  /// `done` comes when messages to the group are sure to reach the connection (add) or to miss it (remove). An id that
  /// is not here is another server's business: kUnavailable while it cannot be asked, kTimeout when nobody answered.
  virtual void add_to_group(std::string_view connection_id, std::string_view group, Done done) = 0;
  virtual void remove_from_group(std::string_view connection_id, std::string_view group, Done done) = 0;

  /// The connections that are registered here.
  const HubConnectionStore& connections() const { return connections_; }

 protected:
  HubConnectionStore connections_;
};

}  // namespace hubgate::hub
