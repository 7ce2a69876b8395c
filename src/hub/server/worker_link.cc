#include "hub/server/worker_link.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/control/links.h"

namespace hubgate::hub {

struct WorkerLink::Control final : control::PacketLink::Handler {
  Control(WorkerLink& link_owner, Descriptor socket)
      : owner(link_owner), link(link_owner.loop_, std::move(socket), *this) {}

  void on_packet(Bytes bytes, Descriptor, bool) override {
    const auto message = control::decode_control_to_worker(bytes);
    if (!message) return owner.lost(message.error().what);
    owner.on_control(*message);
  }
  void on_sendable() override { owner.report_soon(); }
  void on_link_closed(std::string_view why) override { owner.lost(why); }

  WorkerLink& owner;
  control::PacketLink link;
};

struct WorkerLink::Handover final : control::PacketLink::Handler {
  Handover(WorkerLink& link_owner, Descriptor socket)
      : owner(link_owner), link(link_owner.loop_, std::move(socket), *this) {}

  void on_packet(Bytes bytes, Descriptor descriptor, bool) override {
    auto message = control::decode_handover_to_worker(bytes);
    if (!message) return owner.lost(message.error().what);
    owner.on_handover(*std::move(message), std::move(descriptor));
  }
  void on_sendable() override {
    owner.deliver();
    owner.settle_soon();
  }
  void on_link_closed(std::string_view why) override { owner.lost(why); }

  WorkerLink& owner;
  control::PacketLink link;
};

Result<std::optional<WorkerLink::Sockets>> WorkerLink::take_from_environment() {
  auto links = control::take_links_from_environment();
  if (!links) return std::move(links).error();
  if (links->empty()) return std::optional<Sockets>();
  const auto control = links->find("control");
  const auto handover = links->find("handover");
  if (control == links->end() || handover == links->end()) {
    return make_error(ErrorCode::kInvalid, "HUBGATE_LINKS names no control and handover link");
  }
  return std::optional<Sockets>(Sockets{std::move(control->second), std::move(handover->second)});
}

WorkerLink::WorkerLink(event::Loop& loop, Log& log, Sockets sockets, Handler& handler)
    : loop_(loop),
      log_(log),
      handler_(handler),
      report_timer_(loop, [this] { report(); }),
      second_(loop, [this] { on_second(); }),
      parent_(::getppid()) {
  control_ = std::make_unique<Control>(*this, std::move(sockets.control));
  handover_ = std::make_unique<Handover>(*this, std::move(sockets.handover));
  second_.start(std::chrono::seconds(1));
}

WorkerLink::~WorkerLink() = default;

void WorkerLink::on_control(const control::ControlToWorker& message) {
  if (const auto* hello = std::get_if<control::Hello>(&message)) {
    epoch_ = hello->epoch;
    last_load_.reset();  // this proxy has heard nothing yet
    control_->link.send(encode(control::Hello{.epoch = epoch_}));
    report_soon();
  } else if (const auto* welcome = std::get_if<control::Welcome>(&message)) {
    handler_.on_welcome(*welcome);
  } else if (std::holds_alternative<control::Ping>(message)) {
    control_->link.send(encode(control::Pong{loop_lag_}));
  } else if (const auto* drain = std::get_if<control::Drain>(&message)) {
    handler_.on_drain(*drain);
  } else if (std::holds_alternative<control::Undrain>(message)) {
    handler_.on_undrain();
  } else if (const auto* close = std::get_if<control::Close>(&message)) {
    handler_.on_close(*close);
  }
}

void WorkerLink::on_handover(control::HandoverToWorker message, Descriptor descriptor) {
  if (auto* accept = std::get_if<control::Accept>(&message))
    return on_accept(std::move(*accept), std::move(descriptor));
  const auto& hello = std::get<control::Hello>(message);
  // What a dead proxy had still sent is served: nobody else has it.
  acked_up_to_ = read_up_to_;
  deliver();
  handover_epoch_ = hello.epoch;
  read_up_to_ = acked_up_to_ = counted_up_to_ = 0;
  handover_->link.send(encode(control::Hello{.epoch = handover_epoch_}));
}

void WorkerLink::on_accept(control::Accept accept, Descriptor descriptor) {
  if (accept.epoch != handover_epoch_ || accept.n <= read_up_to_) return lost("handover out of order");
  read_up_to_ = accept.n;
  // Without a descriptor this process had none to spare; the proxy still holds the socket. What is refused is closed
  // without shutdown(), which would act on the proxy's copy too.
  if (!descriptor.is_open() || !handler_.admits(accept, admitted_.size())) {
    handover_->link.send(encode(control::Refused{accept.epoch, accept.n}));
    if (admitted_.empty()) counted_up_to_ = read_up_to_;
    return report_soon();
  }
  admitted_.push_back({std::move(accept), std::move(descriptor)});
  settle_soon();
}

void WorkerLink::settle_soon() {
  if (settling_ || admitted_.empty()) return;
  settling_ = true;
  // Runs when this turn's messages have been read and before anything is flushed: so the ack goes out before any
  // answer byte, once a turn.
  loop_.run_later([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) settle();
  });
}

void WorkerLink::settle() {
  settling_ = false;
  if (lost_ || admitted_.empty() || handover_->link.queued() > 0) return;  // on_sendable comes back
  switch (handover_->link.send(encode(control::Mine{handover_epoch_, read_up_to_}))) {
    case control::PacketLink::Sent::kSent: acked_up_to_ = read_up_to_; return deliver();
    case control::PacketLink::Sent::kQueued:
      acked_up_to_ = read_up_to_;  // given out when it has left
      return;
    default: return;  // the link has ended, and says so
  }
}

void WorkerLink::deliver() {
  while (!lost_ && !admitted_.empty() && admitted_.front().accept.n <= acked_up_to_) {
    Admitted one = std::move(admitted_.front());
    admitted_.pop_front();
    counted_up_to_ = one.accept.n;
    handler_.on_accept(std::move(one.accept), std::move(one.socket));
  }
  if (admitted_.empty()) counted_up_to_ = read_up_to_;
  report_soon();
}

void WorkerLink::announce(std::vector<control::Path> paths, control::Ready ready) {
  for (control::Path& path : paths) {
    path.epoch = epoch_;
    control_->link.send(encode(path));
  }
  ready.epoch = epoch_;
  control_->link.send(encode(ready));
}

void WorkerLink::set_load(std::uint64_t active, std::uint64_t pending) {
  load_.active = active;
  load_.pending = pending;
  report_soon();
}

void WorkerLink::closed(control::ClosedRecord record) {
  if (closed_.size() >= kMaxClosedWaiting) {
    ++closed_dropped_;
    return;
  }
  if (record.path.size() > control::kMaxClosedPath) record.path.resize(control::kMaxClosedPath);
  closed_.push_back(std::move(record));
  report_soon();
}

void WorkerLink::report_soon() {
  if (report_timer_.is_running() || lost_) return;
  report_timer_.start_at(std::max(loop_.now(), last_report_ + kReportInterval));
}

void WorkerLink::report() {
  if (lost_ || epoch_ == 0 || control_->link.queued() > 0) return;  // on_sendable, or a Hello, comes back
  last_report_ = loop_.now();
  if (!report_closed()) return;
  load_.epoch = epoch_;
  load_.as_of = handover_epoch_ == epoch_ ? counted_up_to_ : 0;
  if (last_load_ == load_) return;
  if (control_->link.send(encode(load_)) == control::PacketLink::Sent::kSent) last_load_ = load_;
}

// False when the link takes no more now.
bool WorkerLink::report_closed() {
  while (!closed_.empty()) {
    const auto end =
        closed_.begin() + static_cast<std::ptrdiff_t>(std::min(closed_.size(), control::kMaxClosedRecords));
    const std::vector<control::ClosedRecord> batch(std::make_move_iterator(closed_.begin()),
                                                   std::make_move_iterator(end));
    closed_.erase(closed_.begin(), end);
    for (const std::string& message : encode_split(batch)) control_->link.send(message);
    if (control_->link.queued() > 0) return false;
  }
  return true;
}

void WorkerLink::send_stats(const control::Stats& stats) {
  if (lost_ || epoch_ == 0 || control_->link.queued() > 0) return;
  if (control_->link.send(encode(stats)) == control::PacketLink::Sent::kTooLarge) {
    log_.warn("statistics do not fit in a message", {{"series", stats.series.size()}});
  }
}

void WorkerLink::send_state(const control::State& state) { control_->link.send(encode(state)); }

void WorkerLink::send_drained() {
  report_closed();
  control_->link.send(encode(control::Drained{}));
}

bool WorkerLink::has_lost_parent() const { return ::getppid() != parent_; }

void WorkerLink::on_second() {
  const auto late = std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - second_.due()).count();
  loop_lag_ = static_cast<std::uint64_t>(std::max<decltype(late)>(late, 0));
  if (has_lost_parent()) return lost("the supervisor has ended");
  second_.start(std::chrono::seconds(1));
}

void WorkerLink::lost(std::string_view why) {
  if (lost_) return;
  const std::string reason(why);
  close();
  handler_.on_gateway_lost(reason);
}

void WorkerLink::close() {
  lost_ = true;
  report_timer_.cancel();
  second_.cancel();
  admitted_.clear();  // not acked: closed without shutdown()
  control_->link.close();
  handover_->link.close();
}

}  // namespace hubgate::hub
