#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "common/event/timer.h"
#include "hub/connections/http_connection.h"
#include "hub/connections/negotiate.h"
#include "hub/connections/origin_list.h"

namespace hubgate::hub {

/// One path that clients connect to: `{path}` and `{path}/negotiate`. Lives as long as the manager.
struct MappedPath {
  std::string path;  // begins with '/', ends without; "" for the root
  ConnectionAcceptor* acceptor = nullptr;
  NegotiateOptions options;
  OriginList origins;
};

struct ConnectionManagerOptions {
  Duration disconnect_timeout = std::chrono::seconds(15);  // for a negotiated connection to attach
  TransportLimits transport;
};

/// All client connections of one server: makes them, finds them by token, drives what must not happen on the stack of
/// its cause, sweeps once a second, and forgets them. The loop's thread. Handlers' deadlines (ping, client timeout,
/// handshake) are their own.
class HttpConnectionManager {
 public:
  /// `timers` is the loop in programs. The references must outlive the manager.
  HttpConnectionManager(event::Loop& loop, event::Timers& timers, Random& random, Log& log,
                        ConnectionManagerOptions options = {});
  /// Cuts what is left, and releases every accepted connection.
  ~HttpConnectionManager();
  HttpConnectionManager(const HttpConnectionManager&) = delete;
  HttpConnectionManager& operator=(const HttpConnectionManager&) = delete;

  /// Clients find `acceptor`, which must outlive the manager, under `path`; one slash at its end is as good as none. A
  /// path is mapped once, before clients come. SignalR's other transports are offered when they exist: `options` must
  /// list WebSockets at most.
  const MappedPath& map(std::string path, ConnectionAcceptor& acceptor, NegotiateOptions options = {},
                        OriginList origins = {});
  /// Every mapped path; few.
  const std::vector<std::unique_ptr<MappedPath>>& paths() const { return paths_; }

  /// What tokens that are made from now on begin with: the routing part that the proxy gave, HttpConnection::kTagSize
  /// characters, or nothing for a server alone. Tokens with earlier tags stay valid. A text of another size is an
  /// error of ours, asserted.
  void set_token_tag(std::string_view tag);

  /// A connection for a negotiation, with a fresh id and token; it waits for its transport.
  HttpConnection& create(const MappedPath& path, const Negotiation& negotiation);
  /// A connection for a WebSocket without id: not to be found by any token.
  HttpConnection& create_unlisted(const MappedPath& path);
  /// The whole token; for version 0 that is the connection id.
  std::string token_of(const HttpConnection& connection) const;
  /// By the whole token, exactly; nullptr when there is none on that path.
  HttpConnection* find(std::string_view token, const MappedPath& path) const;

  /// Connections with a transport, until they are over; and those that were negotiated and may still attach.
  std::size_t active() const { return active_; }
  std::size_t pending() const { return connections_.size() - active_; }
  bool is_empty() const { return connections_.empty(); }

  /// Called, often, when active() or pending() has changed; the receiver limits itself. Must not call back.
  void set_on_load_changed(std::function<void()> on_changed) { on_load_changed_ = std::move(on_changed); }
  /// Called once for each connection that had a transport, when it is over.
  void set_on_closed(std::function<void(const ClosedRecord&)> on_closed) { on_closed_ = std::move(on_closed); }

  /// Asks `count` of the active connections, those that were asked longest ago first, to end with a Close that lets
  /// clients come back (ConnectionHandler::on_shutdown). Returns how many were asked.
  std::size_t shut_down(std::size_t count);
  /// The same of those that were never asked, beginning with those that have sent nothing for the longest time; looks
  /// at every connection.
  std::size_t shut_down_idle(std::size_t count);
  /// Forgets negotiated connections that have not attached: for a stop, where no token counts any more.
  void forget_pending();
  /// Cuts every connection at once, whatever its handler waits for (ConnectionHandler::on_cut).
  void abort_all();

  const ConnectionManagerOptions& options() const { return options_; }
  /// Connections that live go by the new limits, too.
  void set_transport_limits(const TransportLimits& limits) { options_.transport = limits; }

  static constexpr Duration kHeartbeat = std::chrono::seconds(1);

 private:
  friend class HttpConnection;
  void on_attached(HttpConnection& connection);
  void attend_later(HttpConnection& connection);
  void attend_now();
  void attend(HttpConnection& connection, TimePoint now);
  void heartbeat();
  static bool may_ask_to_go(const HttpConnection& connection);
  bool ask_to_go(HttpConnection& connection);
  HttpConnection& add(std::unique_ptr<HttpConnection> connection);
  void remove(HttpConnection& connection);
  void log_closed(const HttpConnection& connection, const ClosedRecord& record);
  void load_changed() {
    if (on_load_changed_) on_load_changed_();
  }

  // Keys are the connections themselves, hashed by the random part of their tokens.
  struct TokenHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view random) const { return std::hash<std::string_view>()(random); }
    std::size_t operator()(const HttpConnection* connection) const { return (*this)(connection->token_random()); }
  };
  struct TokenEqual {
    using is_transparent = void;
    static std::string_view key(std::string_view random) { return random; }
    static std::string_view key(const HttpConnection* connection) { return connection->token_random(); }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return key(a) == key(b);
    }
  };

  event::Loop& loop_;
  event::Timers& timers_;
  Random& random_;
  Log& log_;
  ConnectionManagerOptions options_;                // transports refer to its limits
  std::vector<std::string> tags_{""};               // every tag that was ever in force; few
  std::uint8_t tag_ = 0;                            // the one in force
  std::vector<std::unique_ptr<MappedPath>> paths_;  // connections refer to them
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::unordered_set<HttpConnection*, TokenHash, TokenEqual> by_token_;
  std::vector<HttpConnection*> attended_;  // for the next turn
  std::size_t active_ = 0;
  std::size_t next_to_shut_down_ = 0;  // index; goes round
  TimePoint beat_;                     // the last heartbeat
  std::function<void()> on_load_changed_;
  std::function<void(const ClosedRecord&)> on_closed_;
  event::Timer next_turn_;
  event::Timer heartbeat_;
};

}  // namespace hubgate::hub
