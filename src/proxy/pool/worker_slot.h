#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>

#include "common/base/descriptor.h"
#include "common/base/log.h"
#include "common/control/heartbeat.h"
#include "common/control/keeper_messages.h"
#include "common/control/packet_link.h"
#include "common/control/worker_messages.h"
#include "common/event/disposable.h"
#include "common/event/loop.h"
#include "common/event/timer.h"

namespace hubgate::proxy {

/// What the proxy may ask of its supervisor about processes.
class Keeper {
 public:
  virtual ~Keeper() = default;
  /// Error kTooLarge: the request is longer than a message may be; kUnavailable: no supervisor.
  virtual Result<void> spawn(const control::Spawn& spawn) = 0;
  virtual void signal(const control::SlotId& id, int signal) = 0;
};

/// One generation of one local slot: the process behind an endpoint, and the two links to it. Hands sockets over and
/// keeps them until the worker has acked; judges whether it lives. Owned by its SlotRunner, which makes the next
/// generation; ends by Loop::dispose. One thread, the loop's.
class WorkerSlot final : public event::Disposable {
 public:
  enum class State : std::uint8_t { kStarting, kReady, kDraining, kGone };

  class Handler {
   public:
    virtual ~Handler() = default;
    /// The first Ready of this proxy's epoch. Paths have come before.
    virtual void on_slot_ready(WorkerSlot&) {}
    /// A Load was read.
    virtual void on_slot_load(WorkerSlot&) {}
    /// Something else that decides whether it takes more has changed: no longer full, hung, answers again.
    virtual void on_slot_changed(WorkerSlot&) {}
    virtual void on_slot_draining(WorkerSlot&, bool /*draining*/) {}
    virtual void on_slot_path(WorkerSlot&, const control::Path&) {}
    virtual void on_slot_closed(WorkerSlot&, const std::vector<control::ClosedRecord>&) {}
    virtual void on_slot_stats(WorkerSlot&, const control::Stats&) {}
    /// The process has ended, or its links are broken and it was told to end. What was handed over and not acked has
    /// been settled. Last call, once; the owner disposes.
    virtual void on_slot_gone(WorkerSlot&) = 0;
  };

  /// Links of a process that runs, seen from the proxy.
  struct Links {
    Descriptor control;
    Descriptor handover;
  };

  /// `welcome` holds what this worker is told, with epoch, slot, generation, endpoint and tag; its Hello goes out at
  /// once. `ready_time`: to the first Ready, then the process counts as hung.
  WorkerSlot(event::Loop& loop, event::Timers& timers, Log& log, Keeper& keeper, control::Welcome welcome, Links links,
             std::int64_t pid, Duration ready_time, Handler& handler);
  ~WorkerSlot() override;

  control::SlotId id() const { return {welcome_.pool, welcome_.slot, welcome_.generation}; }
  std::string name() const;  // "main/0"
  std::int64_t pid() const { return pid_; }
  State state() const { return state_; }
  const control::Welcome& welcome() const { return welcome_; }

  // ---- what sessions ask

  /// Has said Ready to this proxy and answers; draining or not.
  bool is_ready() const;
  /// Has said Ready to this proxy once, or never will.
  bool has_answered() const { return ready_ || ending_ || state_ == State::kGone; }
  bool is_draining() const { return state_ == State::kDraining; }
  /// It drains, by its own word, and ends then.
  bool is_leaving() const { return leaving_; }
  /// Why we ended it ("does not answer", …); empty: we did not.
  std::string_view ended_because() const { return ended_because_; }
  /// Takes nothing new now: it refused, until its next Load; its load has reached its cap; its link is full, or so much
  /// lies in it that what came later would only wait there.
  bool is_full() const;

  struct Load {
    std::uint64_t active = 0;
    std::uint64_t pending = 0;
  };
  /// What the worker said last, and what was handed over since (as active). Negotiates are the endpoint's to add.
  Load load() const;

  /// How a handover ended.
  enum class Settled : std::uint8_t {
    kAcked,       // the worker's: our copy of the socket is closed
    kRefused,     // the socket is given back, choose again
    kNoAck,       // no word in time from a living worker: the socket was shut down and closed
    kWorkerDead,  // the socket is given back, choose again
  };
  /// Called once, from the loop, never out of hand_over(). `socket` is open for kRefused and kWorkerDead of a client's
  /// socket.
  using OnSettled = std::function<void(Settled settled, Descriptor socket)>;

  enum class HandOver : std::uint8_t {
    kSent,      // on_settled will be called
    kFull,      // nothing happened, the socket is still the caller's
    kTooLarge,  // likewise: head and early bytes above 48 KiB, relay it
    kNotReady,  // likewise
  };
  /// Gives a client's socket, which must have left the loop, to the worker. `accept`: head, early, addresses,
  /// listener and request id; the rest is filled in. Takes `socket` only when kSent is returned.
  /// `keepsake` is kept as long as the worker may have the connection: let go when it does not settle as acked, with
  /// the worker's Closed, or with its death.
  HandOver hand_over(control::Accept accept, Descriptor& socket, OnSettled on_settled,
                     std::shared_ptr<void> keepsake = nullptr);

  /// Our end of a fresh stream socketpair whose other end goes to the worker. Non-blocking; may be written at once.
  /// `on_settled` tells how it ended (its socket is always empty): anything but kAcked is a failed connect, and the
  /// caller closes its end. Errors: kUnavailable (full or not ready: nothing was sent), kSystem.
  Result<Descriptor> relay_socket(OnSettled on_settled);

  /// Handed over or relayed and not settled.
  std::size_t unsettled() const { return unsettled_.size(); }
  /// Handed-over connections that live, by acks and Closed; after a restart of the proxy those since.
  std::uint64_t handed_over() const { return handed_over_; }
  std::uint64_t max_connections() const { return worker_cap_; }  // 0: not said
  const std::string& redis_state() const { return stats_.redis_state; }
  const control::Stats& stats() const { return stats_; }
  Duration loop_lag() const { return loop_lag_; }
  const std::vector<control::Path>& paths() const { return paths_; }

  // ---- what its owner tells it

  /// New values for the worker, such as another log level.
  void update(control::Welcome welcome);
  /// With `exit`: one that has not ended 5 s after `hard` counts as hung.
  void drain(const control::Drain& drain);
  void undrain();
  void close_some(const control::Close& close);
  /// It has cut a connection, or taken none: it gets nothing new until it answers a Ping, which a living worker does at
  /// once. The end of a dying one's links may be seen a moment later than that of its connections.
  void doubt();
  /// The supervisor says that the process has ended: reads the links to their end, settles, on_slot_gone.
  void exited();
  /// It does not answer, or broke the protocol: SIGABRT, SIGCONT, after 2 s SIGKILL.
  void end_hung(std::string_view why);
  /// The proxy stops: nothing new is handed over, what is under way is settled.
  void stop_handing_over() { handing_over_ = false; }

  void retire() override;

  /// Without a word from the worker about what was handed over; each begins it anew, for all.
  static constexpr Duration kAckDeadline = std::chrono::seconds(2);
  /// At a time; more wait in the pool's queue, where another worker may take them.
  static constexpr std::size_t kMaxUnsettled = 128;
  /// From a link's end to SIGKILL; the process's own end is told within it.
  static constexpr Duration kBrokenGrace = std::chrono::milliseconds(500);
  static constexpr Duration kDrainGrace = std::chrono::seconds(5);
  static constexpr Duration kAbortGrace = std::chrono::seconds(2);
  static constexpr std::size_t kHandoverSendBuffer = 4 * 1024 * 1024;  // bytes

 private:
  struct Control;
  struct Handover;
  struct Unsettled {
    Descriptor socket;  // empty for a relay
    OnSettled on_settled;
    TimePoint since;
  };
  void on_control(const control::ControlToProxy& message);
  void on_predecessors(const control::ControlToProxy& message);
  void on_path(const control::Path& path);
  void on_ready(const control::Ready& ready);
  void become_ready();
  void on_load(const control::Load& load);
  void on_closed(const control::Closed& closed);
  void on_handover(const control::HandoverToProxy& message);
  void on_broken(std::string_view link, std::string_view why);
  HandOver send_accept(control::Accept& accept, int descriptor);
  void await(std::uint64_t n, Descriptor socket, OnSettled on_settled);
  void acked_up_to(std::uint64_t n);
  void settle(std::map<std::uint64_t, Unsettled>::iterator place, Settled how);
  void answers_again();
  TimePoint ack_due() const;
  void on_ack_due();
  void ping();
  void set_draining(bool draining, bool leaving);
  void move_to(State state);

  event::Loop& loop_;
  event::Timers& timers_;
  Log& log_;
  Keeper& keeper_;
  control::Welcome welcome_;
  std::int64_t pid_;
  Handler& handler_;
  State state_ = State::kStarting;
  std::unique_ptr<Control> control_;
  std::unique_ptr<Handover> handover_;
  bool control_greeted_ = false;  // its Hello of our epoch has come
  bool handover_greeted_ = false;
  bool said_ready_ = false;  // to this proxy
  bool draining_at_ready_ = false;
  bool leaving_at_ready_ = false;
  bool ready_ = false;  // said so, and greeted on both links
  bool handing_over_ = true;
  bool silent_ = false;   // let an ack pass its deadline; gets nothing new until it answers
  bool doubted_ = false;  // until it answers
  bool refused_ = false;  // until its next Load
  bool link_full_ = false;
  bool ending_ = false;  // hung or broken: it is being killed
  bool leaving_ = false;
  bool exit_ordered_ = false;  // what it says of an earlier order counts no more
  std::string ended_because_;
  std::uint64_t last_n_ = 0;
  std::map<std::uint64_t, Unsettled> unsettled_;  // by n
  TimePoint last_word_{};                         // of this worker about any of them
  std::set<std::uint64_t> after_load_;            // n of client sockets that the worker's last Load does not count
  control::Load worker_load_;
  std::uint64_t handed_over_ = 0;
  std::map<std::uint64_t, std::shared_ptr<void>> keepsakes_;  // by n
  std::uint64_t worker_cap_ = 0;
  std::vector<control::Path> paths_;
  control::Stats stats_;
  Duration loop_lag_{};
  event::Timer ack_timer_;
  control::Heartbeat heartbeat_;
  event::Timer ready_timer_;
  event::Timer drain_timer_;
  event::Timer kill_timer_;
};

std::string_view to_string(WorkerSlot::State state) noexcept;

}  // namespace hubgate::proxy
