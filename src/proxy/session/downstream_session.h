#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/descriptor.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/disposable.h"
#include "common/event/loop.h"
#include "common/net/address.h"
#include "proxy/config/snapshot.h"
#include "proxy/session/session_metrics.h"

namespace hubgate::http_server {
struct ServerLimits;
}
namespace hubgate::net {
class TlsContext;
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

  /// The snapshot's limits as a server connection takes them; made once for each snapshot.
  std::shared_ptr<const http_server::ServerLimits> server_limits();

  SnapshotPointer limits_of{};  // the snapshot that `cached_limits` was made from
  std::shared_ptr<const http_server::ServerLimits> cached_limits{};
};

/// What a session must know of the listener it came from; immutable, kept by its sessions when the listener goes.
struct ListenerFacts {
  std::string name;
  std::shared_ptr<const net::TlsContext> tls;  // null: plaintext
};

/// One client's connection: its requests in turn, then perhaps a tunnel, or a handover, which ends the session when
/// the worker has acked. Owned by the Proxy; its loop's thread.
class DownstreamSession final : public event::Disposable {
 public:
  /// The last call: the owner disposes of the session.
  using OnEnded = std::function<void(DownstreamSession&)>;

  DownstreamSession(SessionServices& services, std::shared_ptr<const ListenerFacts> listener, Descriptor socket,
                    const net::Address& peer, OnEnded on_ended);
  ~DownstreamSession() override;
  DownstreamSession(const DownstreamSession&) = delete;
  DownstreamSession& operator=(const DownstreamSession&) = delete;

  /// The proxy stops: an idle connection is closed at once, an answer under way is the last one, a tunnel ends at the
  /// next edge between two frames, a handover is settled first. on_ended follows.
  void close_soon();
  /// Descriptors of this session that the proxy holds: the client's and a tunnel's or exchange's other one.
  int descriptors() const;

  void retire() override;

 private:
  class State;  // the http server's handler, the exchange, the tunnel
  std::unique_ptr<State> state_;
};

}  // namespace hubgate::proxy
