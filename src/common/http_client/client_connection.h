#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/event/disposable.h"
#include "common/event/timer.h"
#include "common/http/http1_body_writer.h"
#include "common/http/http1_reader.h"
#include "common/http/http1_state.h"
#include "common/http/message.h"
#include "common/net/connection.h"

namespace hubgate::http_client {

/// How long one exchange waits for the other side.
struct ExchangeTimeouts {
  Duration response_head =
      std::chrono::seconds(30);  // from the request's end, or without a byte of it going out, to a final head
  Duration body_idle = std::chrono::seconds(120);  // between two reads of the response's body
};

/// How an exchange failed, with what a retry must know.
struct Failure {
  /// kInvalid: a bad response; kTimeout; kClosed: the connection ended, before the response or within it. Side
  /// upstream.
  Error error;
  bool request_begun = false;   // bytes of the request may have reached the other side
  bool body_begun = false;      // bytes of the request's body were written, so they are spent
  bool response_begun = false;  // bytes of the response came
};

/// One HTTP/1.1 connection to an upstream, as the client: exchanges in turn, streamed both ways. Used by the proxy's
/// exchanges and idle pools, by probes and by tests. Its owner disposes of it after on_failed, on_closed or an
/// on_response_end that says it cannot be used again, or at any time before.
class ClientConnection final : public event::Disposable, private net::Connection::Handler {
 public:
  /// The handler may dispose of the connection, or send the next request, in any call as its last act.
  class Handler {
   public:
    virtual ~Handler() = default;
    /// An interim response (1xx but 101).
    virtual void on_interim(http::ResponseHead& head) { (void)head; }
    /// The final head; may be moved from. It may come before the request's body is sent.
    virtual void on_response_head(http::ResponseHead& head) = 0;
    /// Returns how many bytes were taken. Fewer than all: reading rests until resume_response().
    virtual std::size_t on_response_body(MutableBytes piece) { return piece.size(); }
    /// The response is complete. `reusable`: another exchange may follow on this connection; otherwise dispose of it.
    virtual void on_response_end(bool reusable) = 0;
    /// After write_body() said false: there is room again.
    virtual void on_request_drained() {}
    /// A 101 to a request that offered WebSocket: take_connection() (its unread bytes are the other protocol's), or
    /// dispose of it. Whether the answer is a correct one is the caller's to check.
    virtual void on_upgraded(http::ResponseHead& head) { (void)head; }
    /// The open exchange failed; the connection is closed. The last call. Never out of a call of the handler's.
    virtual void on_failed(const Failure& failure) = 0;
    /// The connection ended while no exchange was open, or bytes came that nobody asked for. The last call.
    virtual void on_closed() {}
  };

  /// Over a connected socket: TCP, Unix or one end of a socketpair. `timers` is the loop in programs.
  ClientConnection(event::Loop& loop, event::Timers& timers, Descriptor socket, Handler& handler);
  ~ClientConnection() override;

  /// Between two exchanges; or within one, when another object takes it over.
  void set_handler(Handler& handler) { handler_ = &handler; }

  /// Begins an exchange; only when is_idle(). Framing of the body comes from `head.body`; a head without a body is the
  /// whole request. A Host field must be there.
  void send(const http::RequestHead& head, const ExchangeTimeouts& timeouts = {},
            const http::ReaderLimits& limits = {});
  /// False: more than kHighMark bytes wait to be sent; on_request_drained() comes when they have left.
  bool write_body(Bytes bytes);
  bool write_body(Payload payload);
  /// Completes a body of length (which must be whole) or of chunks. Not for a head without a body.
  void end_request();
  /// Goes on after on_response_body took less than it was given.
  void resume_response();

  /// In or after on_upgraded: hands the connection out with its unread bytes still in it; call its set_handler() at
  /// once. This object is empty afterwards and is to be disposed of.
  std::unique_ptr<net::Connection> take_connection();

  /// No exchange is open and another may begin.
  bool is_idle() const { return phase_ == Phase::kIdle; }
  /// Neither bytes nor an end of it wait in the kernel. Of an idle connection that is shown otherwise the loop has only
  /// not told yet. One system call.
  bool is_quiet() const;
  bool is_open() const { return phase_ != Phase::kEnded; }
  std::size_t unsent() const { return connection_ ? connection_->unsent() : 0; }
  std::uint32_t exchanges() const { return exchanges_; }
  std::uint64_t bytes_in() const { return connection_ ? connection_->bytes_in() : 0; }
  std::uint64_t bytes_out() const { return connection_ ? connection_->bytes_out() : 0; }

  void retire() override;

  static constexpr std::size_t kHighMark = 64 * 1024;  // bytes unsent

 private:
  enum class Phase : std::uint8_t { kIdle, kExchange, kUpgrading, kEnded };

  // net::Connection::Handler
  std::size_t on_data(MutableBytes input) override;
  bool on_end() override;
  void on_drained() override { on_next_turn(); }
  void on_closed(net::CloseReason reason) override;

  // How much of the input was taken, and whether the rest may be looked at now.
  struct Progress {
    std::size_t taken = 0;
    bool goes_on = false;
  };

  Progress read_response(MutableBytes input);
  Progress use_head();
  Progress use_body(MutableBytes piece);
  void finish_response(bool surplus);
  bool write_framed(std::optional<Payload> framed);
  bool is_sending() const { return phase_ == Phase::kExchange && state_.requester() == http::SideState::kSending; }
  void on_deadline();
  void on_next_turn();
  void fail(Error error);
  void fail_later(Error error);
  Failure failure_of(Error error) const;
  void fall_silent();

  event::Loop& loop_;
  event::Timers& timers_;
  Handler* handler_;
  std::unique_ptr<net::Connection> connection_;
  http::ReaderLimits limits_;
  http::ResponseReader reader_{limits_};
  http::Http1State state_;
  http::BodyWriter request_body_;
  ExchangeTimeouts timeouts_;
  event::Timer deadline_;
  event::Timer next_turn_;  // for what must wait until the stack is empty or output has left
  std::optional<Error> pending_error_;
  TimePoint last_read_{};
  std::uint64_t sent_before_ = 0;      // bytes_out() when the exchange began
  std::uint64_t received_before_ = 0;  // bytes_in() when the exchange began
  std::uint64_t sent_at_check_ = 0;
  std::uint32_t exchanges_ = 0;
  Phase phase_ = Phase::kIdle;
  bool body_begun_ = false;
  bool paused_ = false;         // the handler took less than it was given
  bool wants_drained_ = false;  // write_body() has said false
};

}  // namespace hubgate::http_client
