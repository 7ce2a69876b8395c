#pragma once

#include <string_view>

#include "common/http/message.h"
#include "hub/connections/closed_record.h"
#include "hub/connections/connection_context.h"

namespace hubgate::hub {

/// The field in which a proxy names the client of a relayed request: "listener=NAME; client=ip:port|unix; uid=N;
/// local=ip:port; proto=…; id=request id". Believed on connections that came over the proxy's link, and on no others.
inline constexpr std::string_view kOriginHeader = "X-Hubgate-Connection";

/// The origin of one request: that of its connection, or what the request's head says when it is relayed. A relayed one
/// has no handover of its own: epoch and number are 0.
ConnectionOrigin origin_of(const http::RequestHead& head, const ConnectionOrigin& connection);

/// What hub code may know of a request. Takes the head's fields; kOriginHeader is not among them.
RequestFacts facts_of(http::RequestHead& head, const ConnectionOrigin& origin);

}  // namespace hubgate::hub
