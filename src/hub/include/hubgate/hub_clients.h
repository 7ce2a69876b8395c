#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hubgate/convert.h>
#include <hubgate/task.h>
#include <hubgate/value.h>

namespace hubgate {

/// Whom a message is for.
struct Audience {
  enum class Kind : std::uint8_t { kAll, kConnection, kConnections, kGroup, kGroups, kUser, kUsers };
  Kind kind = Kind::kAll;
  std::vector<std::string> names;     // connection ids, group names or user ids, by kind
  std::vector<std::string> excluded;  // connection ids; for kAll and kGroup
};

namespace detail {

template <class... Arguments>
std::vector<Value> to_values(const Arguments&... arguments) {
  std::vector<Value> values;
  values.reserve(sizeof...(arguments));
  (values.push_back(to_value(arguments)), ...);
  return values;
}

/// Where hub code's messages go; made by the library.
class ClientSender {
 public:
  virtual ~ClientSender() = default;
  virtual Task<void> send(const Audience& audience, std::string_view target, std::vector<Value> arguments) = 0;
};

}  // namespace detail

/// Calls client methods at some audience. A small value; it lives no longer than the call that made it.
class ClientProxy {
 public:
  ClientProxy(detail::ClientSender& sender, Audience audience) : sender_(&sender), audience_(std::move(audience)) {}

  /// Calls `target` with `arguments` at everybody of the audience. Never waits for receivers; the task is done at once.
  /// It fails with NamedError("InvalidOperationException") when the message cannot be sent at all, such as to an empty
  /// group name in a list; what nobody awaits is logged and counted.
  template <class... Arguments>
  Task<void> send(std::string_view target, const Arguments&... arguments) const {
    return sender_->send(audience_, target, detail::to_values(arguments...));
  }
  /// The same with arguments that are made at run time.
  Task<void> send_values(std::string_view target, std::vector<Value> arguments) const {
    return sender_->send(audience_, target, std::move(arguments));
  }

 private:
  detail::ClientSender* sender_;
  Audience audience_;
};

/// Makes ClientProxies: SignalR's Clients, as a hub's method sees it. Unknown ids, groups and users are no error.
class HubClients {
 public:
  using Names = std::vector<std::string>;

  HubClients(detail::ClientSender& sender, const std::string& caller) : sender_(sender), caller_(caller) {}

  ClientProxy all() const { return make(Audience::Kind::kAll, {}); }
  ClientProxy all_except(Names connection_ids) const {
    return make(Audience::Kind::kAll, {}, std::move(connection_ids));
  }
  ClientProxy caller() const { return make(Audience::Kind::kConnection, {caller_}); }
  ClientProxy others() const { return make(Audience::Kind::kAll, {}, {caller_}); }
  ClientProxy client(std::string connection_id) const {
    return make(Audience::Kind::kConnection, {std::move(connection_id)});
  }
  ClientProxy clients(Names connection_ids) const {
    return make(Audience::Kind::kConnections, std::move(connection_ids));
  }
  ClientProxy group(std::string name) const { return make(Audience::Kind::kGroup, {std::move(name)}); }
  ClientProxy group_except(std::string name, Names connection_ids) const {
    return make(Audience::Kind::kGroup, {std::move(name)}, std::move(connection_ids));
  }
  ClientProxy others_in_group(std::string name) const {
    return make(Audience::Kind::kGroup, {std::move(name)}, {caller_});
  }
  /// A connection in two of the groups gets the message twice.
  ClientProxy groups(Names names) const { return make(Audience::Kind::kGroups, std::move(names)); }
  ClientProxy user(std::string user_id) const { return make(Audience::Kind::kUser, {std::move(user_id)}); }
  ClientProxy users(Names user_ids) const { return make(Audience::Kind::kUsers, std::move(user_ids)); }

 private:
  ClientProxy make(Audience::Kind kind, Names names, Names excluded = {}) const {
    return {sender_, Audience{kind, std::move(names), std::move(excluded)}};
  }
  detail::ClientSender& sender_;
  const std::string& caller_;
};

}  // namespace hubgate
