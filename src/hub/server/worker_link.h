#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>

#include "common/base/descriptor.h"
#include "common/base/log.h"
#include "common/control/packet_link.h"
#include "common/control/worker_messages.h"
#include "common/event/loop.h"
#include "common/event/timer.h"

namespace hubgate::hub {

/// What a supervised program says on its two links to the proxy, and hears there (architecture, "Processes and
/// links"): Hellos, acks before any answer, Load at most every 10 ms, Closed in batches, Pong. A proxy that comes back
/// begins anew with Hello and Welcome on the same links; nothing is lost by it. Owned by the HubServer; one thread.
class WorkerLink {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// A proxy has come, or come back, or has new values: apply them, then call announce() again.
    virtual void on_welcome(const control::Welcome& welcome) = 0;
    /// May this be taken? `waiting` others have been admitted and not yet been given to on_accept. False: Refused; at
    /// the cap, and while draining for client messages without an `id`. Relays are refused only without descriptors.
    virtual bool admits(const control::Accept& accept, std::size_t waiting) = 0;
    /// The socket (non-blocking) is ours; the proxy has been told. shutdown() it before closing. For a client `head`
    /// and `early` are shown to the HTTP reader in front of what comes; `accept.n` goes into its ClosedRecord.
    virtual void on_accept(control::Accept accept, Descriptor socket) = 0;
    virtual void on_drain(const control::Drain& drain) = 0;
    virtual void on_undrain() = 0;
    /// Rebalance: close the idlest.
    virtual void on_close(const control::Close& close) = 0;
    /// The gateway has ended (the links' EOF, a broken link, or another parent than before): close all clients at
    /// once, be gone within 3 s. Once.
    virtual void on_gateway_lost(std::string_view why) = 0;
  };

  /// The two links' descriptors, as HUBGATE_LINKS="control=3,handover=4" names them.
  struct Sockets {
    Descriptor control;
    Descriptor handover;
  };
  /// Takes them out of the environment, so that our own children do not look for them, and makes them CLOEXEC.
  /// Nothing: not supervised. Error kInvalid: the variable cannot be understood.
  static Result<std::optional<Sockets>> take_from_environment();

  WorkerLink(event::Loop& loop, Log& log, Sockets sockets, Handler& handler);
  ~WorkerLink();
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  /// Says all paths, then Ready. `epoch` of each is filled in here. Only after on_welcome; again after each.
  void announce(std::vector<control::Path> paths, control::Ready ready);
  /// The present counts; sent when they changed, at most every 10 ms, with the number of the last message read.
  void set_load(std::uint64_t active, std::uint64_t pending);
  /// The end of a connection that on_accept gave (kind client). `record.epoch` and `n` are its Accept's.
  void closed(control::ClosedRecord record);
  /// Each second and on a change of the Redis state; dropped while the link is full.
  void send_stats(const control::Stats& stats);
  void send_state(const control::State& state);
  /// The last message: what is queued has left, or cannot, when the next turn begins.
  void send_drained();

  /// 0 until a proxy has said Hello.
  std::uint64_t epoch() const { return epoch_; }
  /// The parent of the start is gone: a TERM that comes now means that the supervisor has died.
  bool has_lost_parent() const;
  /// Closed records that did not fit while the link was full.
  std::uint64_t closed_dropped() const { return closed_dropped_; }

  /// Stops reading and closes the links, in silence.
  void close();

  static constexpr std::size_t kMaxClosedWaiting = 4096;
  static constexpr Duration kReportInterval = std::chrono::milliseconds(10);

 private:
  struct Control;
  struct Handover;
  void on_control(const control::ControlToWorker& message);
  void on_handover(control::HandoverToWorker message, Descriptor descriptor);
  void on_accept(control::Accept accept, Descriptor descriptor);
  void settle_soon();
  void settle();
  void deliver();
  void report_soon();
  void report();
  bool report_closed();
  void on_second();
  void lost(std::string_view why);

  event::Loop& loop_;
  Log& log_;
  Handler& handler_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<Handover> handover_;
  std::uint64_t epoch_ = 0;
  std::uint64_t handover_epoch_ = 0;
  std::uint64_t read_up_to_ = 0;     // the highest n of handover_epoch_ that was read
  std::uint64_t acked_up_to_ = 0;    // said with Mine, though perhaps still queued
  std::uint64_t counted_up_to_ = 0;  // given to the handler or refused: what its load includes
  struct Admitted {
    control::Accept accept;
    Descriptor socket;
  };
  std::deque<Admitted> admitted_;  // not yet given to the handler
  control::Load load_;
  std::optional<control::Load> last_load_;     // as sent to this epoch
  std::vector<control::ClosedRecord> closed_;  // not yet sent
  std::uint64_t closed_dropped_ = 0;
  TimePoint last_report_{};
  event::Timer report_timer_;
  event::Timer second_;         // watches the parent and the loop's lag
  std::uint64_t loop_lag_ = 0;  // microseconds
  pid_t parent_;
  bool settling_ = false;  // settle() runs at the end of this turn
  bool lost_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // for tasks of a later turn
};

}  // namespace hubgate::hub
