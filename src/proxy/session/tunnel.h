#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "common/event/disposable.h"
#include "common/event/timer.h"
#include "common/net/connection.h"
#include "common/net/stall_watch.h"
#include "common/websocket/frame_follower.h"
#include "proxy/pool/endpoint.h"
#include "proxy/session/session_metrics.h"

namespace hubgate::proxy {

struct TunnelLimits {
  Duration idle = std::chrono::seconds(120);       // without a byte in either direction
  Duration half_close = std::chrono::seconds(10);  // from one side's end to the other's
  Duration write_idle = std::chrono::seconds(30);  // bytes wait for a side that takes none of them
  std::size_t high_mark = 64 * 1024;  // unsent bytes at which the fast side is paused, until half have left
};

/// What passed, for the log and the counters.
struct TunnelReport {
  ClosedBy by = ClosedBy::kProxy;  // who began to close: by a Close frame, an end or a break
  TerminationReason reason = TerminationReason::kProxyStopped;
  std::uint16_t close_code = 0;  // of the first Close frame; 0: none was seen
  std::uint64_t bytes_in = 0;    // from the client
  std::uint64_t bytes_out = 0;   // to the client
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  bool lost_frames = false;  // bytes that are no frames passed blindly
};

/// A relayed WebSocket: two connections joined after a verified 101. Bytes go from the loop's buffer straight into the
/// other socket; frame headers are followed, payload is not touched. Owned by its session, whose thread is the loop's.
class Tunnel final : public event::Disposable {
 public:
  /// The last call; the owner disposes of the tunnel. Never out of the constructor.
  using OnEnded = std::function<void(const TunnelReport&)>;

  /// Unread bytes of both connections are the first to pass. `lease` counts the tunnel at its endpoint.
  Tunnel(event::Timers& timers, std::unique_ptr<net::Connection> client, std::unique_ptr<net::Connection> endpoint,
         EndpointLease lease, const TunnelLimits& limits, OnEnded on_ended);
  ~Tunnel() override;

  /// Its other end is a worker of this gateway, which says goodbye to its clients itself.
  bool is_of_worker() const { return lease_ && lease_->is_local(); }
  /// The proxy stops: each direction stops at its next edge between two frames, then both are closed and on_ended
  /// follows, from a later turn.
  void end_at_edge();
  void retire() override;

 private:
  /// One direction: what `from` sends goes to `to`.
  struct Direction final : net::Connection::Handler {
    Direction(Tunnel& tunnel, ClosedBy sender, websocket::Role role) : tunnel(tunnel), follower(role), sender(sender) {}
    std::size_t on_data(MutableBytes input) override { return tunnel.pass(*this, input); }
    bool on_end() override { return tunnel.on_end(*this); }
    void on_drained() override { tunnel.on_drained(*this); }
    void on_room() override { tunnel.on_room(*this); }
    void on_closed(net::CloseReason reason) override { tunnel.on_broken(*this, reason); }

    Tunnel& tunnel;
    std::unique_ptr<net::Connection> from;
    Direction* back = nullptr;  // its `from` is where our bytes go
    websocket::FrameFollower follower;
    ClosedBy sender;
    bool ended = false;            // `from` will send no more
    bool shutdown_wanted = false;  // tell the other side so, once all has left
    bool waits = false;            // at the last look bytes waited for `from`
    net::StallWatch stall;
    bool stopped = false;  // at an edge, when the proxy stops
  };

  std::size_t pass(Direction& direction, MutableBytes input);
  bool on_end(Direction& direction);
  void on_drained(Direction& direction);
  void on_room(Direction& direction);
  void on_broken(Direction& direction, net::CloseReason reason);
  void on_idle();
  void on_stall_check();
  void on_half_close();
  void note_close_frame(const Direction& direction);
  void note_end(const Direction& direction);
  void note_first(ClosedBy by, TerminationReason reason);
  void stop_at_edge(Direction& direction);
  void finish_if_over();
  void finish();

  event::Timers& timers_;
  Direction from_client_;
  Direction from_endpoint_;
  EndpointLease lease_;
  TunnelLimits limits_;
  OnEnded on_ended_;
  event::Timer idle_;  // looks at last_passed_ when it is due, instead of being moved with every byte
  event::Timer half_close_;
  event::Timer stall_check_;  // runs while bytes wait for either side
  TimePoint last_passed_;
  /// Who began to close, and how.
  struct First {
    ClosedBy by;
    TerminationReason reason;
  };
  std::optional<First> first_;
  bool stopping_ = false;
  bool over_ = false;
};

}  // namespace hubgate::proxy
