#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/http/http1_reader.h"
#include "common/net/address.h"
#include "common/net/connection.h"
#include "common/net/connector.h"
#include "common/net/tls_context.h"
#include "common/websocket/frame_reader.h"

namespace hubgate::test {

/// How the clients of a crowd behave; the times are the official client's.
struct CrowdOptions {
  net::Address server;
  std::string path = "/bench";                           // the hub's
  std::string query = {};                                // "user=ann": goes with both requests
  std::shared_ptr<const net::TlsContext> tls = nullptr;  // null: plain
  /// Waits before the attempts that follow a loss, or a Close that allows it; after the last failed one the client
  /// gives up. An attempt that succeeds begins the list anew. Empty: never.
  std::vector<Duration> reconnect_after = {std::chrono::seconds(0), std::chrono::seconds(2), std::chrono::seconds(10),
                                           std::chrono::seconds(30)};
  Duration attempt_time = std::chrono::seconds(30);  // for negotiate, and for WebSocket with handshake
  Duration ping_after = std::chrono::seconds(15);    // without anything sent
  Duration server_time = std::chrono::seconds(30);   // without anything received: the connection is given up
};

/// How a connection, or an attempt at one, ended.
enum class CrowdEnd : std::uint8_t {
  kCloseReconnect,  // SignalR's Close, allowReconnect
  kClose,           // SignalR's Close without it
  kCut,             // ended without a Close, or in a way that breaks the protocol
  kAnswer,          // of an attempt: another status than the one that was due
  kRefused,         // of an attempt: no connection
  kTimedOut,        // an attempt took too long, or a connection was silent for `server_time`
};
std::string_view to_string(CrowdEnd end) noexcept;

/// One end, with what is known of it.
struct CrowdClosing {
  std::size_t client = 0;  // its index
  TimePoint at{};
  CrowdEnd end = CrowdEnd::kCut;
  bool was_up = false;  // a connection that was up; false: an attempt
  int status = 0;       // for kAnswer
  std::string token;    // of the connection, "" while an attempt has none
  std::string what;     // a Close's error, the body of an answer, or how it was cut
};

/// One SignalR client on a loop: negotiate on a connection of its own, WebSocket, JSON; pings, and reconnects by itself
/// like the official client. One thread, its loop's. Its owner destroys it outside of its own calls, or with the loop.
class CrowdClient final : private net::Connection::Handler {
 public:
  /// What happens to clients; one handler serves many. May send to any client, also to this one, in any call.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_up(CrowdClient& client) { (void)client; }
    /// A JSON record without its 0x1E that is no ping, no Close and no handshake. The view lives until it returns.
    virtual void on_record(CrowdClient& client, std::string_view record) = 0;
    /// A connection that was up, or an attempt, has ended. The client may already be waiting for the next one.
    virtual void on_closing(CrowdClient& client, const CrowdClosing& closing) = 0;
  };
  enum class State : std::uint8_t { kIdle, kConnecting, kNegotiating, kUpgrading, kHandshaking, kUp, kWaiting, kGone };

  /// `options` must outlive it. `index` is its owner's number for it.
  CrowdClient(event::Loop& loop, const CrowdOptions& options, std::size_t index, Handler& handler);
  ~CrowdClient() override;

  /// The first attempt; when it fails the client is gone, as the official one's start() throws.
  void start();
  /// Ends in silence, now, without a Close; also the waiting for an attempt. May be started again.
  void stop();
  /// One record without its 0x1E. Only while it is up.
  void send(std::string_view record);
  /// Reads nothing any more until go_on(), and is not silent towards the server: it goes on pinging.
  void stall();
  void go_on();
  /// To be called about once a second: pings, and what has taken too long.
  void look(TimePoint now);

  bool is_up() const { return state_ == State::kUp; }
  State state() const { return state_; }
  std::size_t index() const { return index_; }
  /// The connection token of the newest negotiate; "" before.
  const std::string& token() const { return token_; }
  /// The tag in it: equal for all connections of one generation of one worker.
  std::string_view tag() const { return std::string_view(token_).substr(0, kTag); }
  /// How often it has been up.
  std::uint32_t connections() const { return connections_; }
  std::uint64_t bytes_in() const { return connection_ ? connection_->bytes_in() : 0; }

  static constexpr std::size_t kTag = 24;  // characters

 private:
  // net::Connection::Handler
  std::size_t on_data(MutableBytes input) override;
  void on_closed(net::CloseReason reason) override;

  void attempt();
  void connect();
  void on_connected(Descriptor socket);
  std::size_t read_answer(MutableBytes input);
  void use_answer();
  std::size_t read_frames(MutableBytes input);
  bool use_text(std::string_view text);
  bool use_record(std::string_view record);
  void write_record(std::string_view record);
  void end(CrowdEnd how, std::string what, int status = 0);
  void drop_connection();

  event::Loop& loop_;
  const CrowdOptions& options_;
  Handler& handler_;
  std::size_t index_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Connection> connection_;
  struct Answer;
  std::unique_ptr<Answer> answer_;  // while an HTTP answer is due
  std::optional<websocket::FrameReader> frames_;
  std::string partial_;  // a record that has not all come
  std::string token_;
  event::Timer retry_;
  TimePoint begun_{};  // of the attempt's present step
  TimePoint last_in_{};
  TimePoint last_out_{};
  std::size_t failed_attempts_ = 0;  // since it was up
  std::uint32_t connections_ = 0;
  State state_ = State::kIdle;
  bool negotiated_ = false;  // the attempt has its token
  bool stalled_ = false;
};

}  // namespace hubgate::test
