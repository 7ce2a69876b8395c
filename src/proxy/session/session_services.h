#pragma once

#include <memory>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "proxy/access/access_log.h"
#include "proxy/access/handed_over_book.h"
#include "proxy/config/snapshot.h"
#include "proxy/routing/affinity_tag.h"
#include "proxy/routing/route_table.h"
#include "proxy/session/session_metrics.h"
#include "proxy/session/source_limits.h"

namespace hubgate::http_server {
struct ServerLimits;
}
namespace hubgate::net {
class TlsHandshakes;
}

namespace hubgate::proxy {

class PoolRegistry;

/// What all sessions of a proxy share; owned by the Proxy, which outlives them.
struct SessionServices {
  event::Loop& loop;
  event::Timers& timers;  // the loop in programs
  Log& log;
  Random& random;
  PoolRegistry& pools;
  const AffinityTable& affinity;
  const HubPaths& hub_paths;
  /// The Proxy's own pointer: what is in force when a request's head has been read.
  const SnapshotPointer& snapshot;
  SessionMetrics& metrics;
  SourceLimits& sources;
  AccessLog& access_log;
  HandedOverBook& handed_over;
  net::TlsHandshakes* handshakes = nullptr;  // null: nobody bounds them

  /// The snapshot's limits as a server connection takes them; made once for each snapshot.
  std::shared_ptr<const http_server::ServerLimits> server_limits();

  std::uint64_t limits_revision = 0;  // of the snapshot that `cached_limits` was made from
  std::shared_ptr<const http_server::ServerLimits> cached_limits{};
};

}  // namespace hubgate::proxy
