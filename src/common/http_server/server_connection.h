#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/event/disposable.h"
#include "common/event/timer.h"
#include "common/http/http1_reader.h"
#include "common/http/http1_state.h"
#include "common/http/message.h"
#include "common/net/address.h"
#include "common/net/connection.h"

namespace hubgate::http_server {

/// What one client connection may cost. A value, shared by connections; each asks for it anew before every request,
/// so a reload takes effect with the next one. Defaults: spec of the proxy, table of defaults.
struct ServerLimits {
  http::ReaderLimits reader;
  std::uint64_t max_body = 1024 * 1024;               // bytes of one request's body; see Handler::body_limit
  Duration head_deadline = std::chrono::seconds(10);  // from a head's first byte (the first head: from the accept) to its end
  Duration tls_deadline = std::chrono::seconds(10);   // of the handshake
  Duration keep_alive_idle = std::chrono::seconds(65);
  std::uint32_t max_requests = 1000;                  // on one connection
  Duration max_age = std::chrono::hours(1);           // no new request after it
  Duration body_idle = std::chrono::seconds(30);      // between two reads of a body
  Duration write_idle = std::chrono::seconds(30);     // output waits and the peer takes none of it
  Duration linger_time = std::chrono::seconds(1);     // how long input is drained after our last byte
  std::size_t linger_bytes = 64 * 1024;
};

/// Why a server connection ended without its owner's asking.
enum class EndReason : std::uint8_t {
  kPeerEnded,   // the client closed, between requests or in the middle of one
  kPeerReset,   // the client or the network broke it
  kTlsFailed,
  kOverflow,    // more unread bytes than a connection keeps
  kFinished,    // the last answer is out: one side said close, or a limit was reached
  kRejected,    // what was read was refused, and answered
  kIdle,        // no request came in time
  kSlowReader,  // output waited and nothing of it was taken
};
std::string_view to_string(EndReason reason) noexcept;

/// One client's HTTP/1.1 connection: requests in turn, each answered before the next is looked at. Used by the proxy's
/// sessions, the admin listener and the worker. It sends its own answers to what cannot be understood (400, 408, 413,
/// 414, 417, 431, 501, 505) and ends itself after them. Bodies are streamed both ways: a handler that takes less pauses
/// the client, and write_body() says when to pause. Its owner disposes of it after on_closed, or at any time before.
class ServerConnection final : public event::Disposable, private net::Connection::Handler {
 public:
  /// All calls of one exchange come in the order of this list. The handler may answer, or dispose of the connection,
  /// in any of them, as its last act.
  class Handler {
   public:
    virtual ~Handler() = default;
    /// Asked before each head is read; may be another one than before.
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
    /// Something was refused; it has been answered unless an answer was under way. An open exchange is void from now
    /// on: what is written to it goes nowhere. on_closed follows when the client has had the answer.
    virtual void on_rejected(http::Rejection rejection, int status) {
      (void)rejection;
      (void)status;
    }
    /// The connection is closed, not by its owner. The last call, once.
    virtual void on_closed(EndReason reason) = 0;
  };

  /// Plain over `socket`, or TLS when `tls` is given. `timers` is the loop in programs. References must outlive it.
  ServerConnection(event::Loop& loop, event::Timers& timers, Descriptor socket,
                   std::unique_ptr<net::TlsTransport> tls, Handler& handler);
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
  /// Completes it. A body shorter than its length cannot be completed: that aborts.
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

  /// Hands the connection out, with its unread bytes still in it (they are shown to the next net handler). Only in or
  /// after on_request of a request whose `upgrade` is kWebSocket and which has not been answered. This object is empty
  /// then and may be disposed of. The head of such a request is complete, and on_request_end came or comes.
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

  static constexpr std::size_t kHighMark = 64 * 1024;    // bytes unsent: write_body() says false
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

  void wait_for_request();
  std::size_t read_head(MutableBytes input);
  std::size_t read_body(MutableBytes input);
  void begin_request();
  bool show_request();
  std::size_t discard_body(MutableBytes piece);
  void hold_input();
  void reject(http::Rejection rejection);
  void write_answer_head(http::ResponseHead& head);
  bool after_write();
  bool decide_keep_alive(const http::ResponseHead& head) const;
  void finish_if_complete();
  void next_exchange();
  void linger(EndReason reason);
  void end(EndReason reason);
  void on_deadline();
  void on_next_turn();
  void on_write_check();
  void watch_writing();

  event::Loop& loop_;
  event::Timers& timers_;
  Handler* handler_;
  std::unique_ptr<net::Connection> connection_;
  std::shared_ptr<const ServerLimits> limits_;
  http::RequestReader reader_;
  http::Http1State state_;
  event::Timer deadline_;     // of the present phase
  event::Timer next_turn_;    // what must wait until the stack is empty and output has left
  event::Timer write_check_;  // runs only while output waits
  TimePoint opened_;
  TimePoint last_read_{};
  std::uint64_t body_limit_ = 0;      // bytes; of the present request
  std::uint64_t body_read_ = 0;       // bytes of it so far
  std::uint64_t body_left_ = 0;       // bytes that the answer's length still promises
  std::uint64_t written_at_check_ = 0;
  std::uint32_t requests_ = 0;
  std::size_t discarded_ = 0;         // bytes of unread bodies and of lingering
  Phase phase_ = Phase::kIdle;
  EndReason end_reason_ = EndReason::kFinished;
  http::BodyKind answer_framing_ = http::BodyKind::kNone;
  bool head_request_ = false;         // the present request is HEAD, is HTTP/1.0, waits for 100, offered WebSocket
  bool http10_ = false;
  bool awaits_continue_ = false;
  bool upgrade_offered_ = false;
  bool sends_body_ = false;           // body bytes of the present answer go out
  bool input_held_ = false;           // bytes of a later request wait
  bool body_paused_ = false;          // the handler took less than it was given
  bool wants_drained_ = false;
  bool head_begun_ = false;           // a byte of the present head has come
  bool draining_ = false;
};

}  // namespace hubgate::http_server
