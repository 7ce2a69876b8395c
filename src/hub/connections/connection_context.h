#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/http/headers.h"
#include "hub/protocol/transfer_format.h"

namespace hubgate::hub {

class ConnectionHandler;
struct EncodedMessage;

/// The transports of SignalR, by the names that clients know.
enum class TransportType : std::uint8_t { kNone, kWebSockets, kServerSentEvents, kLongPolling };
/// "WebSockets", "ServerSentEvents", "LongPolling"; "None".
std::string_view to_string(TransportType type) noexcept;

/// What is known of the request that attached the transport, for hub code: user ids, headers, addresses.
struct RequestFacts {
  std::string path;                        // as it came, without the query
  std::string query;                       // raw, without '?'
  std::string remote_address;              // "ip:port" or "unix:"; behind a proxy the client's, not the proxy's
  std::string local_address;               // likewise
  std::string_view protocol = "HTTP/1.1";  // always a constant
  http::Headers headers;

  /// The first value of a query key, decoded; keys compare without case. Nothing when there is none.
  std::optional<std::string> query_value(std::string_view name) const;
};

/// Why no more input comes.
enum class InputEnd : std::uint8_t {
  kClosed,         // the client closed in order (a Close frame)
  kLost,           // the network's end without a word: FIN or RST without a Close frame
  kProtocolError,  // the client broke the transport's rules; the error text says which
  kSlowConsumer,   // the client did not take what was sent to it
};
std::string_view to_string(InputEnd end) noexcept;

/// One client connection, whatever its transport: a byte stream in, messages out. Owned by HttpConnectionManager, used
/// by the ConnectionHandler that the acceptor gave it; the loop's thread. It lives until
/// ConnectionAcceptor::released(). No call of it calls back.
class ConnectionContext {
 public:
  /// The public identifier, not the token. Valid as long as this object.
  virtual std::string_view connection_id() const = 0;
  /// The id is the token, too (negotiate version 0): a secret, of which a log shows id_for_log() only.
  virtual bool id_is_token() const = 0;
  virtual TransportType transport_type() const = 0;
  /// Empty facts once they were dropped.
  virtual const RequestFacts& facts() const = 0;
  /// Frees the facts: an idle connection is small. Call it after OnConnected unless someone asked to keep them.
  virtual void drop_facts() = 0;

  /// What the frames of all that is written from now on are called; text at first. Call it as soon as the handshake
  /// request is valid, before its answer is written. False when the transport cannot carry binary:
  /// the handshake fails then, and nothing has changed.
  [[nodiscard]] virtual bool set_transfer_format(TransferFormat format) = 0;

  /// Sends one or more whole hub messages as one message of the transport, at the end of the turn. The framed form is
  /// made once and kept in `message`, so that all receivers share it. Dropped without a word after the end of the
  /// connection. A receiver that takes too little is marked, and its handler hears kSlowConsumer in a later turn.
  virtual void write(const EncodedMessage& message) = 0;
  /// The same for bytes that only this connection gets: handshake answers, completions, pings.
  virtual void write(const Payload& bytes) = 0;
  /// Bytes that were written and have not left this process.
  virtual std::size_t unsent() const = 0;

  /// No on_input from now on, and the socket is not read: for "too much is held already".
  virtual void pause_reading() = 0;
  /// on_input comes again, in a later turn, beginning with what was not taken.
  virtual void resume_reading() = 0;

  /// Ends the connection in order: what was written goes out, then the transport's end (on WebSockets a Close frame
  /// with this code: 1000, or 1011 when the handler itself failed). No event follows; released() does, later. The
  /// handler calls this or abort() exactly when it has finished, also after on_input_end.
  virtual void close_when_flushed(std::uint16_t websocket_code = 1000) = 0;
  /// Ends the connection now; what has not left is lost. Otherwise as close_when_flushed().
  virtual void abort() = 0;

  /// Where events go from now on, instead of the handler that accept() gave. nullptr is not allowed.
  virtual void set_handler(ConnectionHandler& handler) = 0;

 protected:
  ~ConnectionContext() = default;
};

/// What a log calls a connection: its id, or six characters of the random part where the id is the token.
std::string_view id_for_log(std::string_view id, bool id_is_token) noexcept;

/// What happens on one connection. In any call the handler may write, pause, close or abort. Owned by the acceptor.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;

  /// The unread part of the client's byte stream: no boundary in it means anything. Returns how many bytes were taken
  /// from the front; the rest is kept and shown again, in front of what comes next. It may be changed in place and
  /// lives until the call returns; 64 readable bytes of padding lie behind it. A handler that has a limit must end the
  /// connection when the untaken rest passes it: nothing else bounds the rest.
  virtual std::size_t on_input(MutableBytes input) = 0;

  /// No more input will come. Once, and not after close_when_flushed() or abort(). `error` is empty for kClosed, and
  /// for kLost unless the connection was broken (RST) instead of ended. What had been read before is shown first, even
  /// while reading is paused: what on_input() does not take then is lost. Writing is still allowed (a Close message);
  /// whether it arrives depends on the cause. The handler goes on to its own end, which may take time, and then calls
  /// close_when_flushed() or abort().
  virtual void on_input_end(InputEnd end, std::string_view error) = 0;

  /// The server wants this connection gone: drain, rebalance, stop. Say Close with allowReconnect and end. May come
  /// more than once.
  virtual void on_shutdown() {}

  /// The server ends the connection at once: its transport is gone already. Whatever still waits or runs, the handler
  /// calls close_when_flushed() or abort() before it returns, unless it has. May come after on_input_end.
  virtual void on_cut() = 0;

  /// All output has left, after a time when it had not.
  virtual void on_drained() {}
};

/// Takes the connections of one path: one hub, or raw connections. Outlives them.
class ConnectionAcceptor {
 public:
  virtual ~ConnectionAcceptor() = default;
  /// A transport has attached to a new connection. The handler belongs to the acceptor and must live until released().
  virtual ConnectionHandler& accept(ConnectionContext& connection) = 0;
  /// The last word about a connection that was accepted: after this the reference is invalid. Comes in a later turn
  /// than the close_when_flushed() or abort() that led to it, and out of the manager's destruction for the rest.
  virtual void released(ConnectionContext& connection) = 0;
};

}  // namespace hubgate::hub
