#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace hubgate::hub {

/// Where a connection came from, as its listener or the proxy's link says.
struct ConnectionOrigin {
  std::string remote_address;  // "ip:port" or "unix:"; empty: the socket is asked
  std::string local_address;
  std::string request_id;    // the proxy's, for its log; empty on a listener of our own
  std::uint64_t epoch = 0;   // of the handover; 0 when there was none
  std::uint64_t number = 0;  // n of the handover
  /// Requests name their own client in X-Hubgate-Connection: a relayed connection, which serves many clients.
  bool is_relayed = false;
};

/// How a connection ended.
enum class ClosedReason : std::uint8_t {
  kClientClose,    // a Close frame came first
  kServerClose,    // ours went first, or we closed without one
  kLost,           // FIN without Close, or a reset
  kProtocolError,  // the client broke the WebSocket protocol
  kSlowConsumer,   // the client did not take what was sent
  kCloseTimeout,   // our Close was never answered
  kAborted,        // ended at once by us
};
std::string_view to_string(ClosedReason reason) noexcept;
/// Who ended it: "client", "server" or "network".
std::string_view closed_by(ClosedReason reason) noexcept;

/// All that is to be said of one connection when it is over. Views live as long as the call that shows it.
struct ClosedRecord {
  ClosedReason reason = ClosedReason::kAborted;
  std::uint16_t websocket_code = 0;  // of the Close frame that came first; 0 when there was none
  std::uint64_t epoch = 0;           // as in ConnectionOrigin
  std::uint64_t number = 0;
  std::uint64_t bytes_in = 0;  // on the socket, as long as it was ours
  std::uint64_t bytes_out = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::string_view request_id;
  std::string_view remote_address;
  std::string_view path;  // as mapped
  std::chrono::system_clock::time_point opened;
};

}  // namespace hubgate::hub
