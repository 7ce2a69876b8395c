#include "proxy/session/tunnel.h"

#include <utility>

#include "common/websocket/close_code.h"

namespace hubgate::proxy {

Tunnel::Tunnel(event::Timers& timers, std::unique_ptr<net::Connection> client,
               std::unique_ptr<net::Connection> endpoint, EndpointLease lease, const TunnelLimits& limits,
               OnEnded on_ended)
    : timers_(timers),
      from_client_(*this, ClosedBy::kClient, websocket::Role::kClient),
      from_endpoint_(*this, ClosedBy::kEndpoint, websocket::Role::kServer),
      lease_(std::move(lease)),
      limits_(limits),
      on_ended_(std::move(on_ended)),
      idle_(timers, [this] { on_idle(); }),
      half_close_(timers, [this] { on_half_close(); }),
      stall_check_(timers, [this] { on_stall_check(); }),
      last_passed_(timers.now()) {
  from_client_.from = std::move(client);
  from_client_.back = &from_endpoint_;
  from_endpoint_.from = std::move(endpoint);
  from_endpoint_.back = &from_client_;
  from_client_.from->set_handler(from_client_);
  from_endpoint_.from->set_handler(from_endpoint_);
  // Whoever had them may have paused them while the handshake was under way.
  for (const net::Pause reason : {net::Pause::kBackpressure, net::Pause::kBusy, net::Pause::kHeld}) {
    from_client_.from->resume(reason);
    from_endpoint_.from->resume(reason);
  }
  idle_.start(limits_.idle);
}

Tunnel::~Tunnel() { retire(); }

void Tunnel::retire() {
  over_ = true;
  idle_.cancel();
  half_close_.cancel();
  stall_check_.cancel();
  from_client_.from->close();
  from_endpoint_.from->close();
  lease_.release();
}

std::size_t Tunnel::pass(Direction& direction, MutableBytes input) {
  last_passed_ = timers_.now();
  std::size_t count = input.size();
  if (!stopping_) {
    direction.follower.follow(input);
  } else {
    // Rare and last: byte by byte up to the edge.
    for (count = 0; count < input.size() && !direction.follower.is_at_edge() && !direction.follower.is_lost();
         ++count) {
      direction.follower.follow(input.subspan(count, 1));
    }
  }
  if (direction.follower.close_code() != websocket::close_code::kNone) note_close_frame(direction);
  net::Connection& to = *direction.back->from;
  to.write_through(input.first(count));
  if (to.unsent() > limits_.high_mark) {
    direction.from->pause(net::Pause::kBackpressure);
    to.tell_when_below(limits_.high_mark / 2);
  }
  if (to.unsent() > 0 && !stall_check_.is_running()) stall_check_.start(Duration::zero());
  if (stopping_) stop_at_edge(direction);
  return count;
}

bool Tunnel::on_end(Direction& direction) {
  note_end(direction);
  direction.ended = true;
  net::Connection& to = *direction.back->from;
  if (to.unsent() == 0) {
    to.shutdown_when_flushed();
  } else {
    direction.shutdown_wanted = true;
  }
  if (!half_close_.is_running()) half_close_.start(limits_.half_close);
  finish_if_over();
  return true;
}

// All output of `direction.from` has left: what the other side sends may come again.
void Tunnel::on_drained(Direction& direction) {
  Direction& feeder = *direction.back;
  if (std::exchange(feeder.shutdown_wanted, false)) direction.from->shutdown_when_flushed();
  if (feeder.from->is_open()) feeder.from->resume(net::Pause::kBackpressure);
  finish_if_over();
}

// Enough output of `direction.from` has left, so that it does not run dry.
void Tunnel::on_room(Direction& direction) {
  Direction& feeder = *direction.back;
  if (feeder.from->is_open()) feeder.from->resume(net::Pause::kBackpressure);
}

void Tunnel::on_broken(Direction& direction, net::CloseReason reason) {
  static_cast<void>(reason);  // FIN or reset: without a Close frame it is lost
  note_end(direction);
  direction.ended = true;
  direction.back->ended = true;  // nobody is left to take what it sends
  direction.back->from->pause(net::Pause::kHeld);
  if (!half_close_.is_running()) half_close_.start(limits_.half_close);
  finish_if_over();
}

void Tunnel::on_idle() {
  const TimePoint due = last_passed_ + limits_.idle;
  if (due > timers_.now()) return idle_.start_at(due);
  note_first(ClosedBy::kProxy, TerminationReason::kIdle);
  finish();
}

// Whoever takes nothing of what waits for it is ended, although it may go on talking: its pings keep the tunnel from
// being idle, and the other side's bytes from ever leaving.
void Tunnel::on_stall_check() {
  constexpr int kChecks = 6;  // looks within the time
  const TimePoint now = timers_.now();
  bool waits = false;
  for (Direction* side : {&from_client_, &from_endpoint_}) {
    const bool waited = std::exchange(side->waits, side->from->unsent() > 0);
    if (!side->waits) continue;
    waits = true;
    if (!waited) side->stall.begin(*side->from, now);
    if (!side->stall.is_stalled(*side->from, now, limits_.write_idle)) continue;
    note_first(ClosedBy::kProxy,
               side == &from_client_ ? TerminationReason::kSlowConsumer : TerminationReason::kEndpointLost);
    return finish();
  }
  if (waits) stall_check_.start(limits_.write_idle / kChecks);
}

void Tunnel::on_half_close() {
  note_first(ClosedBy::kProxy, TerminationReason::kProxyStopped);
  finish();
}

void Tunnel::end_at_edge() {
  if (stopping_ || over_) return;
  stopping_ = true;
  half_close_.start(limits_.half_close);
  stop_at_edge(from_client_);
  stop_at_edge(from_endpoint_);
}

void Tunnel::stop_at_edge(Direction& direction) {
  if (direction.stopped || !(direction.follower.is_at_edge() || direction.follower.is_lost())) return;
  direction.stopped = true;
  direction.from->pause(net::Pause::kHeld);
  if (!direction.back->stopped) return;
  note_first(ClosedBy::kProxy, TerminationReason::kProxyStopped);
  from_client_.ended = from_endpoint_.ended = true;
  // Not from here: the owner, or a connection, is on the stack.
  if (from_client_.from->unsent() == 0 && from_endpoint_.from->unsent() == 0) half_close_.start(Duration::zero());
}

void Tunnel::note_close_frame(const Direction& direction) {
  const bool is_client = direction.sender == ClosedBy::kClient;
  note_first(direction.sender, is_client ? TerminationReason::kClientClose : TerminationReason::kServerClose);
}

void Tunnel::note_end(const Direction& direction) {
  const bool is_client = direction.sender == ClosedBy::kClient;
  note_first(direction.sender, is_client ? TerminationReason::kLost : TerminationReason::kEndpointLost);
}

void Tunnel::note_first(ClosedBy by, TerminationReason reason) {
  if (!first_) first_ = First{by, reason};
}

void Tunnel::finish_if_over() {
  if (from_client_.ended && from_endpoint_.ended && from_client_.from->unsent() == 0 &&
      from_endpoint_.from->unsent() == 0) {
    finish();
  }
}

void Tunnel::finish() {
  if (std::exchange(over_, true)) return;
  TunnelReport report{.by = first_->by, .reason = first_->reason};
  report.close_code = report.by == ClosedBy::kEndpoint ? from_endpoint_.follower.close_code() : 0;
  if (report.close_code == 0) report.close_code = from_client_.follower.close_code();
  if (report.close_code == 0) report.close_code = from_endpoint_.follower.close_code();
  report.bytes_in = from_client_.from->bytes_in();
  report.bytes_out = from_client_.from->bytes_out();
  report.frames_in = from_client_.follower.frames();
  report.frames_out = from_endpoint_.follower.frames();
  report.lost_frames = from_client_.follower.is_lost() || from_endpoint_.follower.is_lost();
  on_ended_(report);
}

}  // namespace hubgate::proxy
