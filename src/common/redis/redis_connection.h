#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/event/disposable.h"
#include "common/event/timer.h"
#include "common/net/connection.h"
#include "common/net/connector.h"
#include "common/net/resolver.h"
#include "common/net/tls_context.h"
#include "common/redis/redis_url.h"
#include "common/redis/resp.h"

namespace hubgate::redis {

/// When one link is given up, and how often it is asked whether it lives.
struct LinkTimes {
  Duration connect_timeout = std::chrono::seconds(5);  // from start() to on_ready(), TLS and AUTH included
  Duration ping_interval = std::chrono::seconds(2);
  Duration dead_after = std::chrono::seconds(5);  // without one byte while a PING waits for its answer
};

/// One link to Redis: connects, enters (AUTH, SELECT, CLIENT SETNAME), asks by PING whether the other side lives and
/// hands replies out in order. A Redis that is a replica is refused: what is published there reaches nobody at the
/// primary, without an error. Commands of one loop turn leave in one send. Owned by whoever started it, ended by
/// Loop::dispose. One thread, the loop's; never used again after a failure.
class RedisConnection final : public event::Disposable, private net::Connection::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// Connected and let in.
    virtual void on_link_ready(RedisConnection& link) = 0;
    /// A reply or a pushed message, in the order of the wire; all of one read come in one turn. `reply` lives until
    /// the call returns. The handler may dispose of the link in it.
    virtual void on_link_reply(RedisConnection& link, const Reply& reply) = 0;
    /// The link is gone, or never came up. The last call, once; out of start() never. `error.what` holds no secret.
    virtual void on_link_failed(RedisConnection& link, const Error& error) = 0;
  };

  /// `name` is what CLIENT LIST shows; what Redis does not take in it becomes '_'. `tls` is used by a rediss URL only,
  /// and must be set then.
  RedisConnection(event::Loop& loop, const RedisUrl& url, std::string name, LinkTimes times,
                  std::shared_ptr<const net::TlsContext> tls, Handler& handler);
  ~RedisConnection() override;

  /// How a name becomes addresses; as net::Resolver::resolve. Before start(); without it the system's resolver is
  /// asked.
  using Resolve = std::function<void(const std::string& host, std::uint16_t port, net::Resolver::OnDone on_done)>;
  void resolve_with(Resolve resolve) { resolve_ = std::move(resolve); }

  /// For a link without subscriptions: asks with each PING whether Redis is still a primary. Before start().
  void watch_role() { watches_role_ = true; }

  /// Begins to connect; called once. A name's addresses are tried one after the other, each with its share of the time
  /// that is left.
  void start();
  /// Queues one command; it leaves at the turn's end. After on_link_ready() only.
  void send(Payload command);
  /// Bytes of commands that have not left this process.
  std::size_t unsent() const { return connection_ ? connection_->unsent() : 0; }
  bool is_ready() const { return state_ == State::kReady; }
  /// Bytes of all commands so far, those that let us in included; and how many of them the kernel has taken.
  std::uint64_t written() const { return written_; }
  std::uint64_t bytes_out() const { return connection_ ? connection_->bytes_out() : 0; }

  /// Ends it with a reset, in silence; to be disposed of. For a link that is given up: its kernel forgets what has not
  /// arrived, which else might reach Redis long after what is published on the next link. A failed link has done so.
  void abandon();
  void retire() override;

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kEntering, kReady, kFailed };

  void connect_to(std::vector<net::Address> addresses);
  void connect_to_next();
  void on_connected(Result<Descriptor> socket);
  Result<void> enter();
  void write(Payload command);
  void on_entering_reply(const Reply& reply);
  Duration tick() const;
  void on_tick();
  void fail(Error error);
  std::size_t on_data(MutableBytes input) override;
  void on_closed(net::CloseReason reason) override;

  event::Loop& loop_;
  const RedisUrl url_;
  const std::string name_;
  const LinkTimes times_;
  std::shared_ptr<const net::TlsContext> tls_;
  Handler* handler_;
  State state_ = State::kIdle;
  Resolve resolve_;
  TimePoint deadline_{};                     // of connecting
  std::unique_ptr<net::Resolver> resolver_;  // only for a host that is a name
  std::vector<net::Address> addresses_;      // still to be tried
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Connection> connection_;
  RespReader reader_;
  event::Timer timer_;                     // the connect deadline, later the heart beat
  std::deque<std::string_view> entering_;  // commands whose answers must come before we are in
  std::uint64_t written_ = 0;              // bytes of all commands
  bool heard_ = false;                     // bytes came since the last tick
  bool ping_waits_ = false;                // its answer has not come
  bool role_waits_ = false;                // ROLE's has not, which stands right behind it
  bool watches_role_ = false;
  Duration since_ping_{};
  Duration silent_{};  // while a PING waits
  std::optional<Error> failed_early_;
};

}  // namespace hubgate::redis
