#pragma once

#include <hubgate/hub_clients.h>

#include "hub/core/hub_lifetime_manager.h"

namespace hubgate::hub {

/// Sends an invocation to an audience by the lifetime manager's function for that kind of audience. Its result and
/// `on_sent` are those of that function.
Result<void> send_to_audience(HubLifetimeManager& lifetime, const Audience& audience, const Invocation& invocation,
                              OnSent on_sent = nullptr);

}  // namespace hubgate::hub
