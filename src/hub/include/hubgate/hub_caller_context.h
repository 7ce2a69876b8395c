#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <hubgate/cancel_token.h>

namespace hubgate {

/// Facts of the HTTP request that carries a connection. Views live as long as the object; copy what is
/// to stay.
class HttpFacts {
 public:
  virtual ~HttpFacts() = default;
  virtual std::string_view path() const = 0;
  /// As sent, without the question mark.
  virtual std::string_view query() const = 0;
  /// One value of the query, decoded; names are compared without case, the first wins.
  virtual std::optional<std::string> query_value(std::string_view name) const = 0;
  /// Names are compared without case; nothing when there is no such field.
  virtual std::optional<std::string_view> header(std::string_view name) const = 0;
  /// "127.0.0.1:51820"; behind a proxy the client's own address.
  virtual std::string_view remote_address() const = 0;
  virtual std::string_view local_address() const = 0;
  /// "WebSockets".
  virtual std::string_view transport() const = 0;
  /// "HTTP/1.1".
  virtual std::string_view http_protocol() const = 0;
};

/// The client that called. Valid as long as the call, also while the call waits and the client is gone.
class HubCallerContext {
 public:
  virtual ~HubCallerContext() = default;
  virtual const std::string& connection_id() const = 0;
  /// Empty when the connection belongs to no user.
  virtual const std::string& user_identifier() const = 0;
  /// Ends the connection without allowing the client to reconnect by itself. Does not wait.
  virtual void abort() = 0;
  /// Happens when the client's connection is lost or closed, before on_disconnected.
  virtual CancelToken aborted() const = 0;
  /// Null unless the hub's options keep the facts (`keep_http_facts`), or this is on_connected; null when the client is
  /// gone. Valid until the next co_await: ask again after it.
  virtual const HttpFacts* http() const = 0;
};

}  // namespace hubgate
