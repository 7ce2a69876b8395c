#pragma once

#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/event/timer.h"
#include "common/http_client/client_connection.h"
#include "common/net/connection.h"
#include "common/net/connector.h"
#include "common/websocket/frame_reader.h"
#include "tests/chaos/facts.h"

namespace hubgate::chaos {

/// A SignalR client with automatic reconnect: negotiate, WebSocket, JSON protocol, events of one loop. It never gives
/// up. Owned by the traffic; lives until the loop has ended.
class ChaosClient final : private http_client::ClientConnection::Handler, private net::Connection::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// The handshake was answered.
    virtual void on_open(ChaosClient& client) = 0;
    /// A message of the hub's target "msg"; its first argument.
    virtual void on_message(ChaosClient& client, const std::string& text) = 0;
    /// A call's completion; `error` is empty when it went well.
    virtual void on_answer(ChaosClient& client, const std::string& id, const nlohmann::json& result,
                           const std::string& error) = 0;
    /// An open connection has ended; the client comes back by itself.
    virtual void on_end(ChaosClient& client, End end, const std::string& text) = 0;
    /// An attempt to connect failed: `what` is a step and a status or an error, such as "negotiate 503".
    virtual void on_refused(ChaosClient& client, TimePoint begun, const std::string& what) = 0;
    /// What no server may send.
    virtual void on_odd(ChaosClient& client, const std::string& what) = 0;
  };

  ChaosClient(event::Loop& loop, Random& random, int index, std::uint16_t port, Handler& handler);
  ~ChaosClient() override;

  void start();
  bool is_open() const { return state_ == State::kOpen; }
  /// Calls a hub method. Only while open. The texts have nothing that JSON would escape.
  void call(std::string_view method, std::initializer_list<std::string_view> arguments, const std::string& id);
  /// Ends without a word, by a reset or an end of the stream; comes back.
  void kill(bool reset);
  /// Reads nothing until it is let go.
  void hold();
  void let_go();
  bool is_held() const { return held_; }
  /// Ends, and stays away.
  void stop();

  int index() const { return index_; }
  /// Of the connection that is open: which worker its token names.
  WorkerKey worker() const { return worker_; }
  /// The connection's place in Facts::sessions; the owner's.
  std::size_t session = 0;

 private:
  enum class State : std::uint8_t { kWaiting, kConnecting, kNegotiating, kUpgrading, kHandshaking, kOpen, kStopped };

  void connect();
  void on_connected(Result<Descriptor> socket);
  void use_negotiation();
  void on_response_head(http::ResponseHead& head) override;
  std::size_t on_response_body(MutableBytes piece) override;
  void on_response_end(bool reusable) override;
  void on_upgraded(http::ResponseHead& head) override;
  void on_failed(const http_client::Failure& failure) override;
  void on_closed() override { refuse("negotiate", "ended"); }

  std::size_t on_data(MutableBytes input) override;
  void on_closed(net::CloseReason reason) override;
  void on_record(std::string_view record);
  void send_record(const std::string& record);
  void on_tick();
  void refuse(const std::string& step, const std::string& what);
  void finish(End end, const std::string& text);
  void drop();
  void come_back();

  event::Loop& loop_;
  Random& random_;
  const int index_;
  const net::Address address_;
  Handler& handler_;
  State state_ = State::kWaiting;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<http_client::ClientConnection> http_;
  std::unique_ptr<net::Connection> connection_;
  websocket::FrameReader frames_{websocket::Role::kClient};
  event::Timer again_;
  event::Timer tick_;
  int status_ = 0;
  std::string body_;
  std::string records_;  // of frames, not yet whole
  std::string token_;
  WorkerKey worker_;
  TimePoint heard_{};
  TimePoint pinged_{};
  TimePoint begun_{};  // the attempt to connect
  int failures_ = 0;
  bool held_ = false;
};

}  // namespace hubgate::chaos
