#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/http/message.h"
#include "common/http/rejection.h"
#include "proxy/config/snapshot.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {

/// What is to be done with a request, as its head, the routes and the tags say. A value: it
/// outlives the snapshot that it was made from.
struct RequestPlan {
  enum class Action : std::uint8_t {
    kAnswer,  // by the proxy itself, with `status`
    kFolder,  // a file below `folder`
    kPool,    // an endpoint of `pool`
  };
  Action action = Action::kAnswer;
  int status = 404;
  http::Rejection rejection = http::Rejection::kNone;  // why, when the request is to blame

  std::string path;    // normalised
  std::string target;  // `path` and the query as it came: what the endpoint sees
  std::string route;   // the prefix, for metrics and logs
  std::string folder;  // absolute
  std::string pool;

  HubPart hub = HubPart::kNone;
  bool is_upgrade = false;  // a WebSocket upgrade that is served as one
  /// Where the token leads; `bound_to` is meaningful for kFound. For others any endpoint answers.
  Affinity affinity = Affinity::kNone;
  EndpointKey bound_to;

  bool is_negotiate(std::string_view method) const { return hub == HubPart::kNegotiate && method == "POST"; }
  /// Sent twice, it does what it does once (RFC 9110, 9.2.2). A negotiate makes an object that expires by itself.
  bool is_repeatable(std::string_view method) const;
  /// `target` for a server that is not ours, which knows a token of its own without the tag that the proxy put before
  /// it.
  std::string target_without_tag() const;
  /// The endpoint may hold the request for long: polls, event streams, and sends that wait for room.
  bool may_be_held() const { return hub == HubPart::kConnect; }
};

/// `snapshot` is what is in force now.
RequestPlan plan_request(const http::RequestHead& head, std::string_view listener, const Snapshot& snapshot,
                         const HubPaths& hub_paths, const AffinityTable& affinity);

}  // namespace hubgate::proxy
