#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/event/disposable.h"
#include "common/event/timer.h"
#include "common/http/http1_body_writer.h"
#include "common/http/http1_reader.h"
#include "common/http/http1_state.h"
#include "common/http/message.h"
#include "common/http_server/body_pace.h"
#include "common/http_server/end_reason.h"
#include "common/http_server/server_limits.h"
#include "common/net/address.h"
#include "common/net/connection.h"
#include "common/net/stall_watch.h"

namespace hubgate::http_server {

/// One client's HTTP/1.1 connection: requests in turn, each answered before the next is looked at. Used by the proxy's
/// sessions, the admin listener and the worker. It sends its own answers to what cannot be understood (400, 408, 413,
/// 414, 417, 431, 501, 505) and ends itself after them. Bodies are streamed both ways: a handler that takes less pauses
/// the client, and write_body() says when to pause. Its owner disposes of it after on_closed, or at any time before.
/// server_connection.cc reads and ends, server_answer.cc writes.
class ServerConnection final : public event::Disposable, private net::Connection::Handler {
 public:
  /// All calls of one exchange come in the order of this list. The handler may answer, or dispose of the connection,
  /// in any of them, as its last act.
  class Handler {
   public:
    virtual ~Handler() = default;
    /// Asked in the constructor and before each head is read; not null, may be another one than before.
    virtual std::shared_ptr<const ServerLimits> limits() = 0;
    /// How many bytes of body this request may have; asked before on_request. More: 413.
    virtual std::uint64_t body_limit(const http::RequestHead& head, const ServerLimits& limits) {
      (void)head;
      return limits.max_body;
    }
    /// A request begins. `head` may be moved from. The exchange is open until it is answered and on_request_end came.
    virtual void on_request(http::RequestHead& head) = 0;
    /// A piece of its body; returns how many bytes were taken. Fewer than all: reading rests until resume_body(), and
    /// the rest is shown again. Not called after the answer is complete: what is left of the body is thrown away.
    virtual std::size_t on_body(MutableBytes piece) { return piece.size(); }
    /// The request is complete. Not called when the answer was complete before.
    virtual void on_request_end() {}
    /// After write_body() said false: there is room again.
    virtual void on_response_drained() {}
    /// The client has ended its side while its whole request is in and the answer is not: true to finish the answer,
    /// false to close (on_closed follows). A held answer (poll, event stream) wants to know; a quick one need not.
    virtual bool on_half_closed() { return false; }
    /// Something was refused; it has been answered unless an answer was under way, which is cut. An open exchange is
    /// void from now on: what is written to it goes nowhere. on_closed follows when the client has had the answer.
    virtual void on_rejected(http::Rejection rejection, int status) {
      (void)rejection;
      (void)status;
    }
    /// The connection is closed, not by its owner. The last call, once.
    virtual void on_closed(EndReason reason) = 0;
  };

  /// Plain over `socket`, or TLS when `tls` is given. `timers` is the loop in programs. References must outlive it.
  ServerConnection(event::Loop& loop, event::Timers& timers, Descriptor socket, std::unique_ptr<net::TlsTransport> tls,
                   Handler& handler);
  ServerConnection(event::Loop& loop, event::Timers& timers, Descriptor socket, Handler& handler);
  ~ServerConnection() override;

  /// Bytes that were read elsewhere come first, such as head and early bytes of a handed-over connection. Right after
  /// construction.
  void prepend_input(Bytes bytes) { connection_->unread(bytes); }
  /// Later requests go to another handler; between two exchanges.
  void set_handler(Handler& handler) { handler_ = &handler; }

  // The answer to the open request. Framing of what is sent comes from ResponseHead::body; to HTTP/1.0 chunks become
  // kUntilClose. To HEAD, and with 204 and 304, body bytes are counted and not sent. A Date is added when none is
  // there. `keep_alive = false` in the head closes afterwards; the connection may decide so by itself.

  /// Head and body at once; sets the length.
  void respond(http::ResponseHead head, std::string_view body);
  void start_response(http::ResponseHead head);
  /// False: more than kHighMark bytes wait to be sent; on_response_drained() comes when they have left.
  bool write_body(Bytes bytes);
  /// Without a copy where the framing needs none.
  bool write_body(Payload payload);
  /// Completes it. A body shorter than its length is a mistake of ours: the connection is cut, on_closed follows.
  void end_response();
  /// 100 Continue, if the client waits for it and none of its body has come.
  void send_continue();
  /// An interim response (1xx but 101), such as one that came from upstream. Never to HTTP/1.0.
  void send_interim(const http::ResponseHead& head);
  /// Goes on after on_body took less than it was given.
  void resume_body();
  /// Ends the connection at once, so that the client sees a truncated answer as one. Silent: no on_closed.
  void abort();
  /// No further request: closes now if no exchange is open, else after its answer. on_closed(kFinished) follows.
  void drain();

  /// Hands the connection out, with its unread bytes still in it: call its set_handler() or release() at once. Only in
  /// or after on_request of a request whose `upgrade` is kWebSocket and which has not been answered. Such a request is
  /// complete when on_request comes. This object is empty afterwards and is to be disposed of.
  std::unique_ptr<net::Connection> take_connection();
  /// Whether take_connection() may be called now.
  bool can_take_connection() const;

  /// Bytes of answers that have not left this process.
  std::size_t unsent() const { return connection_ ? connection_->unsent() : 0; }
  /// An exchange is open: on_request came and its answer is not complete, or its request is not.
  bool is_busy() const { return phase_ == Phase::kExchange || phase_ == Phase::kUpgrading; }
  bool is_response_started() const;
  bool is_tls() const { return connection_ && connection_->is_tls(); }
  /// Requests that came as far as on_request.
  std::uint32_t requests() const { return requests_; }
  std::uint64_t bytes_in() const { return connection_ ? connection_->bytes_in() : 0; }
  std::uint64_t bytes_out() const { return connection_ ? connection_->bytes_out() : 0; }
  net::Address peer() const { return connection_ ? net::Address::peer_of(connection_->fd()) : net::Address(); }
  net::Address local() const { return connection_ ? net::Address::local_of(connection_->fd()) : net::Address(); }

  void retire() override;

  static constexpr std::size_t kHighMark = 64 * 1024;      // bytes unsent: write_body() says false
  static constexpr int kWriteChecks = 6;                   // looks within write_idle whether the client takes anything
  static constexpr std::size_t kDiscardLimit = 64 * 1024;  // bytes of an unread body that are worth keeping alive for

 private:
  enum class Phase : std::uint8_t {
    kSecuring,   // TLS handshake
    kIdle,       // between requests, no byte of the next one has come
    kHead,       // a head is coming
    kUpgrading,  // a WebSocket offer is complete and will be shown in the next turn
    kExchange,   // a request is open
    kLingering,  // our last byte is written: the client gets time to read it
    kEnded,      // closed, retired or handed out
  };

  // net::Connection::Handler
  std::size_t on_data(MutableBytes input) override;
  bool on_end() override;
  void on_drained() override;
  void on_secured() override;
  void on_closed(net::CloseReason reason) override;

  // Each returns how much of the input it took, and whether the rest may be looked at now.
  struct Progress {
    std::size_t taken = 0;
    bool goes_on = false;
  };
  Progress read_head(MutableBytes input);
  Progress read_body(MutableBytes input);
  Progress use_body(MutableBytes piece);
  bool begin_request();
  void show_upgrade();
  void finish_request();
  Progress hold_input();

  void write_answer_head(http::ResponseHead& head, std::string_view body);
  bool is_answering() const { return phase_ == Phase::kExchange && state_.responder() == http::SideState::kSending; }
  bool write_framed(std::optional<Payload> framed);
  void watch_output();
  void complete_answer();
  void finish_if_complete();
  void next_exchange();
  void start_idle_deadline();
  void reject(http::Rejection rejection);
  void linger(EndReason reason);
  void end(EndReason reason);
  void end_later(EndReason reason);
  void cut(EndReason reason);
  void fall_silent();

  void pause_body();
  TimePoint body_due() const;
  bool is_stalled() { return stall_.is_stalled(*connection_, timers_.now(), limits_->write_idle); }
  void on_deadline();
  void on_linger_deadline();
  void on_next_turn();
  void on_write_check();

  event::Loop& loop_;
  event::Timers& timers_;
  Handler* handler_;
  std::shared_ptr<const ServerLimits> limits_;
  std::unique_ptr<net::Connection> connection_;
  http::RequestReader reader_;
  http::Http1State state_;
  http::BodyWriter answer_body_;
  event::Timer deadline_;     // of the present phase
  event::Timer next_turn_;    // for what must wait until the stack is empty or output has left
  event::Timer write_check_;  // runs only while output waits
  TimePoint opened_;
  BodyPace pace_;
  std::uint64_t body_limit_ = 0;  // bytes; of the present request
  std::uint64_t body_read_ = 0;   // bytes of it so far
  net::StallWatch stall_;
  std::uint64_t discarded_ = 0;  // bytes of an unread body, or of lingering
  std::uint32_t requests_ = 0;
  Phase phase_ = Phase::kIdle;
  EndReason end_reason_ = EndReason::kFinished;
  // Of the present request: it is HEAD, is HTTP/1.0, waits for 100, offers WebSocket.
  bool to_head_ = false;
  bool http10_ = false;
  bool awaits_continue_ = false;
  bool offers_upgrade_ = false;
  bool input_held_ = false;     // bytes of a later request wait
  bool body_paused_ = false;    // the handler took less than it was given
  bool wants_drained_ = false;  // write_body() has said false
  bool draining_ = false;
  bool peer_ended_ = false;  // the client will send no more, but may still read
};

}  // namespace hubgate::http_server
