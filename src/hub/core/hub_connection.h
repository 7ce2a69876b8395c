#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hubgate/cancel_token.h>

#include "common/base/clock.h"
#include "hub/connections/connection_context.h"
#include "hub/core/hub_call.h"
#include "hub/core/hub_connection_context.h"
#include "hub/core/waiting_line.h"

namespace hubgate::hub {

class HubConnectionHandler;

/// Why a hub connection ends, and what its client and its hub hear of it.
struct Ending {
  std::optional<std::string> close_error = {};  // `error` of the Close message
  bool allow_reconnect = false;
  std::optional<std::string> reason = {};  // what on_disconnected gets
  bool waits_for_calls = false;            // calls that run are let end first: for a server that drains
};

/// One client's life in one hub: handshake, on_connected, calls in order, the end. Bytes come from a ConnectionContext,
/// messages go to the HubDispatcher. Owned by the HubConnectionHandler; it lives until its transport is gone and the
/// last hub code has ended. The loop's thread.
class HubConnection final : public HubConnectionContext, public ConnectionHandler {
 public:
  enum class State : std::uint8_t {
    kHandshaking,
    kConnected,  // from the handshake's answer on: on_connected may still run
    kClosing,    // the Close message is said; on_disconnected runs
    kClosed,
  };

  HubConnection(HubConnectionHandler& handler, ConnectionContext& connection);
  ~HubConnection() override;

  State state() const { return state_; }

  // ConnectionHandler
  std::size_t on_input(MutableBytes input) override;
  void on_input_end(InputEnd end, std::string_view error) override;
  void on_shutdown() override;
  void on_cut() override;

  // For the dispatcher and its calls.
  bool has_free_slot() const;
  /// Keeps a call that did not end at once.
  void keep(std::shared_ptr<HubCall> call);
  /// Keeps a call that has ended but whose completion waits for groups' subscriptions.
  void hold(const std::shared_ptr<HubCall>& call);
  /// A call is over: answers it and frees its slot.
  void on_call_settled(HubCall& call);
  void complete_with_error(std::string_view invocation_id, std::string_view error);
  /// context().abort()
  void abort_by_hub();
  CancelToken aborted_token();
  /// Where the request's facts are, while they are; else nullptr.
  const ConnectionContext* facts_holder() const;

  // For the handler.
  /// Once a heartbeat: pings, time-outs, completions held too long.
  void beat(TimePoint now);
  /// Goes on with what waits, with an empty stack.
  void advance();
  /// The lifetime manager has registered the connection, or failed to.
  void on_registered(const Result<void>& result);
  /// The transport's object is gone.
  void on_transport_gone();
  /// Nothing of it is left; it may be destroyed.
  bool is_over() const;
  /// True while it is on the handler's list of what to advance.
  bool is_scheduled = false;

 private:
  /// What only busy connections have.
  struct Work {
    std::vector<std::shared_ptr<HubCall>> calls;  // running or held
    WaitingLine line;                             // messages that wait for a slot, in order
    std::optional<Ending> ending;                 // takes effect when the line is empty
    std::optional<CancelToken> aborted;           // made when asked for
  };

  void move_to(State state);
  Work& work();
  void drop_work_if_idle();
  void schedule();

  std::size_t read_handshake(Bytes input);
  void fail_handshake(std::string_view error);
  void open();
  void on_opened(const HubCall& call);

  std::size_t read_messages(Bytes input);
  /// False: the message must wait in line.
  bool receive(const HubMessage& message);
  void append_to_line(Bytes message);
  bool line_is_empty() const { return work_ == nullptr || work_->line.empty(); }
  void walk_line();
  void resume_if_relieved();

  void complete(HubCall& call);
  void forget(const HubCall& call);
  void on_write_failed(const Error& error) override;
  Ending with_error(std::string_view detail) const;
  /// Ends after what was received before.
  void end_in_order(Ending ending);
  bool may_end() const;
  /// Ends now; what waits is dropped.
  void end(Ending ending);
  void close_transport();
  void fire_aborted();
  void start_disconnected();
  void finish();
  void give_up_joins(TimePoint now);

  HubConnectionHandler& handler_;
  std::unique_ptr<Work> work_;
  TimePoint waiting_since_;    // the handshake's start, then the last ping of ours
  TimePoint last_heard_{};     // the beat after the last message
  std::uint32_t scanned_ = 0;  // ParseState::scanned
  State state_ = State::kHandshaking;
  bool registered_ = false;      // the lifetime manager knows us
  bool opening_over_ = false;    // on_connected has ended, or never will begin
  bool opened_ = false;          // on_connected has succeeded
  bool heard_ = false;           // a message came since the last beat
  bool pings_ = false;           // the client has sent a Ping: it can be timed out
  bool inside_message_ = false;  // the input so far ends inside one
  bool reading_paused_ = false;
  bool input_over_ = false;        // nothing more is read: it ended, or an ending waits that is not a shutdown
  bool transport_closed_ = false;  // we have told it to end
  bool lost_ = false;              // the aborted signal has been given
  bool disconnecting_ = false;     // on_disconnected has been started, or need not be
};

}  // namespace hubgate::hub
