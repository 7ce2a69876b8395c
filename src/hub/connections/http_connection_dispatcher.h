#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/descriptor.h"
#include "common/event/loop.h"
#include "common/http_server/server_connection.h"
#include "hub/connections/http_connection_manager.h"

namespace hubgate::hub {

class HttpSession;

/// Serves `{path}` and `{path}/negotiate` of every mapped path over HTTP/1.1: from a listener,
/// over a socket that was handed over with its request head, over a relayed connection. Owns the HTTP connections;
/// what becomes a WebSocket goes to the HttpConnectionManager. The loop's thread.
class HttpConnectionDispatcher {
 public:
  /// All references must outlive the dispatcher, which serves the paths that are mapped in `connections`.
  HttpConnectionDispatcher(event::Loop& loop, event::Timers& timers, HttpConnectionManager& connections,
                           std::shared_ptr<const http_server::ServerLimits> limits = nullptr);
  ~HttpConnectionDispatcher();
  HttpConnectionDispatcher(const HttpConnectionDispatcher&) = delete;
  HttpConnectionDispatcher& operator=(const HttpConnectionDispatcher&) = delete;

  /// Asked before a connection is made that would be one more (`more` = 1: a negotiation) or that its HTTP connection
  /// becomes (0: a WebSocket without id); false is answered with 503. Null, the default: always. Must not call back.
  void set_admission(std::function<bool(std::size_t more)> has_room) { has_room_ = std::move(has_room); }

  /// Serves a connection. `input` was read from it already: the head and early bytes of a handed-over one.
  void serve(Descriptor socket, ConnectionOrigin origin, Bytes input = {});

  /// HTTP connections that are open; those that became WebSockets are not among them.
  std::size_t http_connections() const { return sessions_.size(); }
  /// Idle HTTP connections close, busy ones after their answer.
  void drain_http();

 private:
  friend class HttpSession;
  struct Found {
    const MappedPath* path = nullptr;
    bool is_negotiate = false;
  };
  Found find(std::string_view path) const;
  bool has_room(std::size_t more) const { return has_room_ == nullptr || has_room_(more); }
  void remove(HttpSession& session);

  event::Loop& loop_;
  event::Timers& timers_;
  HttpConnectionManager& connections_;
  std::shared_ptr<const http_server::ServerLimits> limits_;
  std::function<bool(std::size_t)> has_room_;
  std::vector<std::unique_ptr<HttpSession>> sessions_;
};

}  // namespace hubgate::hub
