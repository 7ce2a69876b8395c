#include "hub/core/send_to_audience.h"

#include <utility>

namespace hubgate::hub {

Result<void> send_to_audience(HubLifetimeManager& lifetime, const Audience& audience, const Invocation& invocation,
                              OnSent on_sent) {
  const auto& names = audience.names;
  switch (audience.kind) {
    case Audience::Kind::kAll: return lifetime.send_all(invocation, audience.excluded, std::move(on_sent));
    case Audience::Kind::kConnection: return lifetime.send_connection(names.front(), invocation, std::move(on_sent));
    case Audience::Kind::kConnections: return lifetime.send_connections(names, invocation, std::move(on_sent));
    case Audience::Kind::kGroup:
      return lifetime.send_group(names.front(), invocation, audience.excluded, std::move(on_sent));
    case Audience::Kind::kGroups: return lifetime.send_groups(names, invocation, std::move(on_sent));
    case Audience::Kind::kUser: return lifetime.send_user(names.front(), invocation, std::move(on_sent));
    case Audience::Kind::kUsers: return lifetime.send_users(names, invocation, std::move(on_sent));
  }
  return make_error(ErrorCode::kInternal, "unknown kind of audience");
}

}  // namespace hubgate::hub
