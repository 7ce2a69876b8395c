#include "proxy/pool/worker_slot.h"

#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace hubgate::proxy {

struct WorkerSlot::Control final : control::PacketLink::Handler {
  Control(WorkerSlot& link_owner, Descriptor socket)
      : owner(link_owner), link(link_owner.loop_, std::move(socket), *this) {}

  void on_packet(Bytes bytes, Descriptor descriptor, bool) override {
    const auto message = control::decode_control_to_proxy(bytes);
    if (!message) return broken(message.error().what);
    if (descriptor.is_open()) return broken("a descriptor that no message has");
    owner.on_control(*message);
  }
  void on_link_closed(std::string_view why) override { owner.on_broken("control", why); }
  void broken(std::string_view why) {
    link.close();
    owner.on_broken("control", why);
  }

  WorkerSlot& owner;
  control::PacketLink link;
};

struct WorkerSlot::Handover final : control::PacketLink::Handler {
  Handover(WorkerSlot& link_owner, Descriptor socket)
      : owner(link_owner), link(link_owner.loop_, std::move(socket), *this) {}

  void on_packet(Bytes bytes, Descriptor descriptor, bool) override {
    const auto message = control::decode_handover_to_proxy(bytes);
    if (!message) return broken(message.error().what);
    if (descriptor.is_open()) return broken("a descriptor that no message has");
    owner.on_handover(*message);
  }
  void on_sendable() override {
    owner.link_full_ = false;
    owner.handler_.on_slot_changed(owner);
  }
  void on_link_closed(std::string_view why) override { owner.on_broken("handover", why); }
  void broken(std::string_view why) {
    link.close();
    owner.on_broken("handover", why);
  }

  WorkerSlot& owner;
  control::PacketLink link;
};

WorkerSlot::WorkerSlot(event::Loop& loop, event::Timers& timers, Log& log, Keeper& keeper, control::Welcome welcome,
                       Links links, std::int64_t pid, Duration ready_time, Handler& handler)
    : loop_(loop),
      timers_(timers),
      log_(log),
      keeper_(keeper),
      welcome_(std::move(welcome)),
      pid_(pid),
      handler_(handler),
      ack_timer_(timers, [this] { on_ack_due(); }),
      heartbeat_(timers, {.ping = [this] { ping(); },
                          .read = [this] { control_->link.read_now(); },
                          .hung = [this] { end_hung("does not answer"); }}),
      ready_timer_(timers, [this] { end_hung("not ready in time"); }),
      drain_timer_(timers, [this] { end_hung("its drain does not end"); }),
      kill_timer_(timers, [this] { keeper_.signal(id(), SIGKILL); }) {
  assert(welcome_.epoch != 0);
  control_ = std::make_unique<Control>(*this, std::move(links.control));
  handover_ = std::make_unique<Handover>(*this, std::move(links.handover));
  const std::size_t room = control::PacketLink::ask_for_send_buffer(handover_->link.fd(), kHandoverSendBuffer);
  log_.debug("handover link", {{"worker", name()}, {"send_buffer", room}});
  control_->link.send(encode(control::Hello{.epoch = welcome_.epoch}));
  control_->link.send(encode(welcome_));
  handover_->link.send(encode(control::Hello{.epoch = welcome_.epoch}));
  ready_timer_.start(ready_time);
}

WorkerSlot::~WorkerSlot() = default;

std::string WorkerSlot::name() const { return welcome_.pool + '/' + std::to_string(welcome_.slot); }

bool WorkerSlot::is_ready() const {
  return ready_ && handing_over_ && !silent_ && !doubted_ && !ending_ && state_ != State::kGone;
}

bool WorkerSlot::is_full() const {
  if (refused_ || link_full_ || unsettled_.size() >= kMaxUnsettled) return true;
  const Load now = load();
  return worker_cap_ != 0 && now.active + now.pending >= worker_cap_;
}

WorkerSlot::Load WorkerSlot::load() const { return {worker_load_.active + after_load_.size(), worker_load_.pending}; }

// ---- handing over

WorkerSlot::HandOver WorkerSlot::hand_over(control::Accept accept, Descriptor& socket, OnSettled on_settled,
                                           std::shared_ptr<void> keepsake) {
  if (accept.head.size() + accept.early.size() > control::kMaxHeadAndEarly) return HandOver::kTooLarge;
  accept.kind = control::Accept::Kind::kClient;
  const HandOver sent = send_accept(accept, socket.get());
  if (sent != HandOver::kSent) return sent;
  after_load_.insert(accept.n);
  if (keepsake) keepsakes_.emplace(accept.n, std::move(keepsake));
  // Our own descriptor is kept, not a copy of it, until the worker has acked: one side owns the socket at any time.
  await(accept.n, std::move(socket), std::move(on_settled));
  return HandOver::kSent;
}

Result<Descriptor> WorkerSlot::relay_socket(OnSettled on_settled) {
  if (!is_ready()) return make_error(ErrorCode::kUnavailable, "worker is not ready", Side::kUpstream);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return make_error(ErrorCode::kSystem, std::string("socketpair: ") + std::strerror(errno));
  }
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);  // closed when sent: only the worker's copy lives then
  control::Accept accept;
  accept.kind = control::Accept::Kind::kRelay;
  if (send_accept(accept, theirs.get()) != HandOver::kSent) {
    return make_error(ErrorCode::kUnavailable, "the link to the worker is full", Side::kUpstream);
  }
  await(accept.n, Descriptor(), std::move(on_settled));
  return ours;
}

WorkerSlot::HandOver WorkerSlot::send_accept(control::Accept& accept, int descriptor) {
  if (!is_ready()) return HandOver::kNotReady;
  if (unsettled_.size() >= kMaxUnsettled) return HandOver::kFull;
  accept.epoch = welcome_.epoch;
  accept.n = last_n_ + 1;
  switch (handover_->link.send(encode(accept), descriptor)) {
    case control::PacketLink::Sent::kSent:
    case control::PacketLink::Sent::kQueued: ++last_n_; return HandOver::kSent;
    case control::PacketLink::Sent::kFull: link_full_ = true; return HandOver::kFull;
    case control::PacketLink::Sent::kTooLarge: return HandOver::kTooLarge;
    case control::PacketLink::Sent::kClosed: break;
  }
  return HandOver::kNotReady;
}

void WorkerSlot::await(std::uint64_t n, Descriptor socket, OnSettled on_settled) {
  unsettled_.emplace(n, Unsettled{std::move(socket), std::move(on_settled), timers_.now()});
  if (!ack_timer_.is_running()) ack_timer_.start_at(ack_due());
}

void WorkerSlot::on_handover(const control::HandoverToProxy& message) {
  if (const auto* hello = std::get_if<control::Hello>(&message)) {
    handover_greeted_ = handover_greeted_ || hello->epoch == welcome_.epoch;
    return become_ready();
  }
  if (!handover_greeted_) return;  // meant for our predecessor
  last_word_ = timers_.now();
  answers_again();
  if (const auto* mine = std::get_if<control::Mine>(&message)) {
    if (mine->epoch != welcome_.epoch) return;
    if (mine->n > last_n_) return handover_->broken("an ack for what was never sent");
    return acked_up_to(mine->n);
  }
  const auto& refused = std::get<control::Refused>(message);
  if (refused.epoch != welcome_.epoch) return;
  refused_ = true;
  after_load_.erase(refused.n);
  const auto place = unsettled_.find(refused.n);
  if (place != unsettled_.end()) settle(place, Settled::kRefused);
}

void WorkerSlot::acked_up_to(std::uint64_t n) {
  const bool was_full = std::exchange(link_full_, false) || unsettled_.size() >= kMaxUnsettled;
  // A callback may hand over more, or have us retired: look again each time.
  while (!unsettled_.empty() && unsettled_.begin()->first <= n) settle(unsettled_.begin(), Settled::kAcked);
  if (was_full && handover_->link.is_open()) handler_.on_slot_changed(*this);
}

void WorkerSlot::answers_again() {
  if (!std::exchange(silent_, false)) return;
  log_.info("worker answers again", {{"worker", name()}, {"pid", pid_}});
  handler_.on_slot_changed(*this);
}

void WorkerSlot::settle(std::map<std::uint64_t, Unsettled>::iterator place, Settled how) {
  Unsettled entry = std::move(place->second);
  if (how != Settled::kAcked) keepsakes_.erase(place->first);
  unsettled_.erase(place);
  if (how == Settled::kAcked) {
    if (entry.socket.is_open()) ++handed_over_;
    entry.socket.reset();
  } else if (how == Settled::kNoAck && entry.socket.is_open()) {
    // The worker may still find it in its link: shutdown() acts on its copy too, so nobody answers.
    ::shutdown(entry.socket.get(), SHUT_RDWR);
    entry.socket.reset();
  }
  if (entry.on_settled) entry.on_settled(how, std::move(entry.socket));
}

// Of the first that is unsettled. The worker takes them in order: one that has just settled others is at work, and the
// next has only been waiting for its turn.
TimePoint WorkerSlot::ack_due() const { return std::max(unsettled_.begin()->second.since, last_word_) + kAckDeadline; }

void WorkerSlot::on_ack_due() {
  if (unsettled_.empty()) return;
  if (ack_due() <= timers_.now()) {
    // We may have been stopped ourselves: what the worker has said by now counts.
    handover_->link.read_now();
    while (!unsettled_.empty() && ack_due() <= timers_.now() && state_ != State::kGone) {
      if (!silent_)
        log_.warn("worker does not ack", {{"worker", name()}, {"pid", pid_}, {"unsettled", unsettled_.size()}});
      silent_ = true;
      settle(unsettled_.begin(), Settled::kNoAck);
    }
  }
  if (!unsettled_.empty()) ack_timer_.start_at(ack_due());
}

// ---- control

void WorkerSlot::on_control(const control::ControlToProxy& message) {
  if (const auto* hello = std::get_if<control::Hello>(&message)) {
    control_greeted_ = control_greeted_ || hello->epoch == welcome_.epoch;
  } else if (!control_greeted_) {
    on_predecessors(message);
  } else if (const auto* path = std::get_if<control::Path>(&message)) {
    on_path(*path);
  } else if (const auto* ready = std::get_if<control::Ready>(&message)) {
    on_ready(*ready);
  } else if (const auto* pong = std::get_if<control::Pong>(&message)) {
    heartbeat_.answered();
    const bool was_doubted = std::exchange(doubted_, false);
    if (was_doubted && !silent_) handler_.on_slot_changed(*this);
    loop_lag_ = std::chrono::microseconds(pong->loop_lag);
    answers_again();
  } else if (const auto* load = std::get_if<control::Load>(&message)) {
    on_load(*load);
  } else if (const auto* closed = std::get_if<control::Closed>(&message)) {
    on_closed(*closed);
  } else if (const auto* stats = std::get_if<control::Stats>(&message)) {
    if (stats_.redis_state != stats->redis_state) {
      log_.debug("worker's Redis", {{"worker", name()}, {"state", stats->redis_state}});
    }
    stats_ = *stats;
    handler_.on_slot_stats(*this, stats_);
  } else if (const auto* state = std::get_if<control::State>(&message)) {
    set_draining(state->draining, state->leaving);
  } else if (std::holds_alternative<control::Drained>(message)) {
    log_.info("worker has drained", {{"worker", name()}, {"pid", pid_}});
  }
}

// Before the worker's Hello of our epoch: it was meant for another run of the proxy.
void WorkerSlot::on_predecessors(const control::ControlToProxy& message) {
  if (const auto* closed = std::get_if<control::Closed>(&message)) on_closed(*closed);
  if (const auto* state = std::get_if<control::State>(&message)) set_draining(state->draining, state->leaving);
}

void WorkerSlot::on_path(const control::Path& path) {
  if (path.epoch != welcome_.epoch) return;
  const auto known = std::find_if(paths_.begin(), paths_.end(), [&](const auto& one) { return one.path == path.path; });
  if (known == paths_.end()) {
    paths_.push_back(path);
  } else {
    *known = path;
  }
  handler_.on_slot_path(*this, path);
}

void WorkerSlot::on_ready(const control::Ready& ready) {
  if (ready.epoch != welcome_.epoch) return;
  worker_cap_ = ready.max_connections;
  draining_at_ready_ = ready.draining;
  leaving_at_ready_ = ready.leaving;
  if (std::exchange(said_ready_, true)) return handler_.on_slot_changed(*this);
  become_ready();
}

// When it has said Ready, and its Hello on the handover link: the two have no order.
void WorkerSlot::become_ready() {
  if (ready_ || !said_ready_ || !handover_greeted_) return;
  ready_ = true;
  ready_timer_.cancel();
  heartbeat_.start();
  if (state_ == State::kStarting) move_to(State::kReady);
  if (draining_at_ready_) set_draining(true, leaving_at_ready_);
  handler_.on_slot_ready(*this);
}

void WorkerSlot::on_load(const control::Load& load) {
  if (load.epoch != welcome_.epoch) return;
  worker_load_ = load;
  after_load_.erase(after_load_.begin(), after_load_.upper_bound(load.as_of));
  refused_ = false;
  // A worker may drop records of closings when we do not read: with nobody left, none of them has a keepsake.
  if (load.active == 0) keepsakes_.erase(keepsakes_.begin(), keepsakes_.upper_bound(load.as_of));
  handler_.on_slot_load(*this);
}

void WorkerSlot::on_closed(const control::Closed& closed) {
  for (const control::ClosedRecord& record : closed.records) {
    if (record.epoch != welcome_.epoch) continue;
    keepsakes_.erase(record.n);  // may come before the ack: the links have no order between them
    if (handed_over_ > 0) --handed_over_;
  }
  handler_.on_slot_closed(*this, closed.records);
}

void WorkerSlot::set_draining(bool draining, bool leaving) {
  if (state_ == State::kGone || (exit_ordered_ && !leaving)) return;
  if ((state_ == State::kDraining) == draining && leaving_ == leaving) return;
  leaving_ = leaving;
  if (!leaving) {
    drain_timer_.cancel();
  } else if (!drain_timer_.is_running()) {  // another ordered it
    drain_timer_.start(2 * welcome_.limits.drain_time + kDrainGrace);
  }
  move_to(draining ? State::kDraining : (ready_ ? State::kReady : State::kStarting));
  handler_.on_slot_draining(*this, draining);
}

void WorkerSlot::update(control::Welcome welcome) {
  welcome.epoch = welcome_.epoch;
  welcome.generation = welcome_.generation;
  welcome.endpoint = welcome_.endpoint;
  welcome.tag = welcome_.tag;
  if (welcome == welcome_) return;
  welcome_ = std::move(welcome);
  control_->link.send(encode(welcome_));
}

void WorkerSlot::drain(const control::Drain& drain) {
  exit_ordered_ = drain.exit;
  if (drain.exit) drain_timer_.start(drain.hard + kDrainGrace);
  control_->link.send(encode(drain));
}
void WorkerSlot::undrain() {
  exit_ordered_ = false;
  drain_timer_.cancel();
  control_->link.send(encode(control::Undrain{}));
}
void WorkerSlot::close_some(const control::Close& close) { control_->link.send(encode(close)); }

void WorkerSlot::doubt() {
  if (!is_ready()) return;
  doubted_ = true;
  control_->link.send(encode(control::Ping{}));  // beside those of the heartbeat, which count
}

// ---- life

void WorkerSlot::ping() {
  control_->link.send(encode(control::Ping{}));  // counted also when the link is full of what it does not read
  if (link_full_ && handover_->link.queued() < control::PacketLink::kQueueLimit) {
    link_full_ = false;  // it was descriptors that were short; they are tried again
    handler_.on_slot_changed(*this);
  }
}

void WorkerSlot::end_hung(std::string_view why) {
  if (ending_ || state_ == State::kGone) return;
  ending_ = true;
  ended_because_ = why;
  heartbeat_.stop();
  ready_timer_.cancel();
  log_.error("worker is ended", {{"worker", name()}, {"pid", pid_}, {"why", why}});
  keeper_.signal(id(), SIGABRT);
  keeper_.signal(id(), SIGCONT);  // a stopped process takes no signal
  kill_timer_.start(kAbortGrace);
  handler_.on_slot_changed(*this);
}

// A link has ended or is not understood. Mostly the process is dying and exited() comes; one that lives on without its
// links is ended. Only its death makes it safe to give its sockets to another. The other link is read on: it may hold
// acks.
void WorkerSlot::on_broken(std::string_view link, std::string_view why) {
  if (state_ == State::kGone || ending_) return;
  ending_ = true;
  heartbeat_.stop();
  ready_timer_.cancel();
  log_.info("worker's link has ended", {{"worker", name()}, {"pid", pid_}, {"link", link}, {"why", why}});
  kill_timer_.start(kBrokenGrace);
  handler_.on_slot_changed(*this);
}

void WorkerSlot::exited() {
  if (state_ == State::kGone) return;
  ending_ = true;
  // Acks and closings may be queued behind its death.
  control_->link.read_now();
  handover_->link.read_now();
  kill_timer_.cancel();
  ack_timer_.cancel();
  heartbeat_.stop();
  ready_timer_.cancel();
  drain_timer_.cancel();
  move_to(State::kGone);
  keepsakes_.clear();
  while (!unsettled_.empty()) settle(unsettled_.begin(), Settled::kWorkerDead);
  handler_.on_slot_gone(*this);
}

void WorkerSlot::move_to(State state) {
  if (state_ == state) return;
  assert(state_ != State::kGone);
  log_.debug("worker state", {{"worker", name()}, {"pid", pid_}, {"state", to_string(state)}});
  state_ = state;
}

void WorkerSlot::retire() {
  state_ = State::kGone;
  ack_timer_.cancel();
  heartbeat_.stop();
  ready_timer_.cancel();
  drain_timer_.cancel();
  kill_timer_.cancel();
  unsettled_.clear();
  keepsakes_.clear();
  control_->link.close();
  handover_->link.close();
}

std::string_view to_string(WorkerSlot::State state) noexcept {
  switch (state) {
    case WorkerSlot::State::kStarting: return "starting";
    case WorkerSlot::State::kReady: return "ready";
    case WorkerSlot::State::kDraining: return "draining";
    case WorkerSlot::State::kGone: return "gone";
  }
  return "?";
}

}  // namespace hubgate::proxy
