#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "common/control/hello.h"

// Messages between the proxy and one worker, on its two links. Values with their encoding; no I/O. What a worker says
// of another epoch than the proxy's own acks nothing.

namespace hubgate::control {

using std::chrono::milliseconds;

// ---- control, proxy → worker

/// What a worker must know of its gateway's limits.
struct WorkerLimits {
  milliseconds drain_time{60'000};                        // spread of a drain that a TERM begins; hard at twice that
  std::uint64_t max_connections = 0;                      // 0: as many as its own descriptors allow
  std::uint64_t max_message_size = 32 * 1024;             // bytes
  std::uint64_t application_max_buffer_size = 64 * 1024;  // bytes held for waiting calls of one client
  std::uint64_t max_pending_bytes = 1024 * 1024;          // unsent bytes of one client
  milliseconds send_time{10'000};                         // of one write
  std::uint64_t redis_queue_size = 8 * 1024 * 1024;       // bytes of publishes that wait

  friend bool operator==(const WorkerLimits&, const WorkerLimits&) = default;
};

/// Who the worker is and what it works with. May come again, with other values; a proxy that came back begins with it.
struct Welcome {
  std::uint64_t epoch = 0;
  std::string pool = {};
  std::string application = {};
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // start time in seconds
  std::uint32_t endpoint = 0;
  std::string tag = {};    // before every token that the worker makes
  std::string redis = {};  // "redis://…", "rediss://…", "unix:/path"; empty: none. May hold a password
  std::string channel_prefix = {};
  std::vector<std::string> rest_keys = {};  // secrets
  bool scoped_sends = false;
  std::string log_level = "info";
  WorkerLimits limits = {};

  friend bool operator==(const Welcome&, const Welcome&) = default;
};

/// Answered by Pong.
struct Ping {
  friend bool operator==(const Ping&, const Ping&) = default;
};

/// Closes spread over `spread`, what is left is cut at `hard`; with `exit`: then Drained, exit 0. `stop`: the gateway
/// ends, nobody can come back, so that tokens which were negotiated and not used count no more.
struct Drain {
  milliseconds spread{};
  milliseconds hard{};
  bool exit = false;
  bool stop = false;

  friend bool operator==(const Drain&, const Drain&) = default;
};

struct Undrain {
  friend bool operator==(const Undrain&, const Undrain&) = default;
};

/// Rebalance: close the `count` idlest connections within `seconds`.
struct Close {
  std::uint32_t count = 0;
  std::uint32_t seconds = 0;

  friend bool operator==(const Close&, const Close&) = default;
};

// ---- control, worker → proxy

/// A path that the worker serves. All of them come before Ready.
struct Path {
  std::uint64_t epoch = 0;
  std::string path = {};
  std::string backplane_name = {};  // empty: no hub (map_connection)
  std::string rest_name = {};
  std::vector<std::string> origins = {};
  std::string json_names = {};  // empty: camelCase; "as_is"
  std::vector<std::string> methods = {};

  friend bool operator==(const Path&, const Path&) = default;
};

struct Ready {
  std::uint64_t epoch = 0;
  std::string channel_prefix = {};
  bool maps_rest = false;
  std::uint64_t max_connections = 0;  // its own cap; 0: none
  bool draining = false;
  bool leaving = false;  // as in State

  friend bool operator==(const Ready&, const Ready&) = default;
};

struct Pong {
  std::uint64_t loop_lag = 0;  // microseconds that a timer of the worker's last came late

  friend bool operator==(const Pong&, const Pong&) = default;
};

/// The worker's own count of its connections, absolute. `pending`: negotiated, not yet attached.
struct Load {
  std::uint64_t epoch = 0;
  std::uint64_t as_of = 0;  // the highest number of that epoch read from the handover link, 0 if none
  std::uint64_t active = 0;
  std::uint64_t pending = 0;

  friend bool operator==(const Load&, const Load&) = default;
};

/// Who ended a connection first.
enum class ClosedBy : std::uint8_t { kClient = 0, kServer = 1, kNetwork = 2 };

/// The end of one handed-over connection: all that an access record needs, since a restarted proxy has forgotten it.
struct ClosedRecord {
  std::uint64_t epoch = 0;
  std::uint64_t n = 0;
  std::string reason = {};  // one word: "normal", "slow_consumer", "timeout", …
  ClosedBy by = ClosedBy::kClient;
  std::uint16_t code = 0;  // WebSocket close code; 0: none
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::string request_id = {};
  std::string address = {};  // the client's
  std::string path = {};     // its first kMaxClosedPath bytes
  std::int64_t opened = 0;   // milliseconds since 1970

  friend bool operator==(const ClosedRecord&, const ClosedRecord&) = default;
};
inline constexpr std::size_t kMaxClosedPath = 64;      // bytes
inline constexpr std::size_t kMaxClosedRecords = 256;  // in one message

struct Closed {
  std::vector<ClosedRecord> records = {};

  friend bool operator==(const Closed&, const Closed&) = default;
};

/// Every second, and on a change of `redis_state`. Series as in Prometheus' text, without pool and endpoint:
/// `hubgate_hub_messages_total{hub="Demo.ChatHub"}`.
struct Stats {
  std::string redis_state = {};  // "ready", "down", …; empty: no Redis
  std::map<std::string, double> series = {};

  friend bool operator==(const Stats&, const Stats&) = default;
};

/// `leaving`: it ends when the drain has.
struct State {
  bool draining = false;
  bool leaving = false;

  friend bool operator==(const State&, const State&) = default;
};

struct Drained {
  friend bool operator==(const Drained&, const Drained&) = default;
};

// ---- handover, proxy → worker; each Accept comes with a descriptor

/// A client's socket, or one end of a fresh socketpair on which the proxy relays requests of many clients.
struct Accept {
  enum class Kind : std::uint8_t { kClient = 0, kRelay = 1 };

  std::uint64_t epoch = 0;
  std::uint64_t n = 0;  // counts up from 1 in each epoch
  Kind kind = Kind::kClient;
  std::string head = {};   // the request head as the proxy wrote it anew, with its final empty line; empty for a relay
  std::string early = {};  // bytes that the client has sent behind it
  std::string client_address = {};
  std::string local_address = {};
  std::string listener = {};
  std::string request_id = {};

  friend bool operator==(const Accept&, const Accept&) = default;
};

// ---- handover, worker → proxy

/// All up to n, but what was refused, belong to the worker; sent before any answer byte.
struct Mine {
  std::uint64_t epoch = 0;
  std::uint64_t n = 0;

  friend bool operator==(const Mine&, const Mine&) = default;
};

/// The proxy still holds that socket. Goes out before the Mine that passes n.
struct Refused {
  std::uint64_t epoch = 0;
  std::uint64_t n = 0;

  friend bool operator==(const Refused&, const Refused&) = default;
};

using ControlToWorker = std::variant<Hello, Welcome, Ping, Drain, Undrain, Close>;
using ControlToProxy = std::variant<Hello, Path, Ready, Pong, Load, Closed, Stats, State, Drained>;
using HandoverToWorker = std::variant<Hello, Accept>;
using HandoverToProxy = std::variant<Hello, Mine, Refused>;

// One message each. Never empty; may be longer than kMaxMessage, which PacketLink::send refuses.
std::string encode(const Hello& message);
std::string encode(const Welcome& message);
std::string encode(const Ping& message);
std::string encode(const Drain& message);
std::string encode(const Undrain& message);
std::string encode(const Close& message);
std::string encode(const Path& message);
std::string encode(const Ready& message);
std::string encode(const Pong& message);
std::string encode(const Load& message);
std::string encode(const Closed& message);
std::string encode(const Stats& message);
std::string encode(const State& message);
std::string encode(const Drained& message);
std::string encode(const Accept& message);
std::string encode(const Mine& message);
std::string encode(const Refused& message);

/// As many messages as the records need: each at most kMaxClosedRecords and kMaxMessage bytes.
std::vector<std::string> encode_split(const std::vector<ClosedRecord>& records);

// Error kInvalid: a broken peer, whose link is to be closed.
Result<ControlToWorker> decode_control_to_worker(Bytes message);
Result<ControlToProxy> decode_control_to_proxy(Bytes message);
Result<HandoverToWorker> decode_handover_to_worker(Bytes message);
Result<HandoverToProxy> decode_handover_to_proxy(Bytes message);

}  // namespace hubgate::control
