#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "proxy/routing/choose_endpoint.h"
#include "proxy/routing/route_table.h"

// What the user wrote, with every default (architecture, "Configuration"). Values only: read by
// load_proxy_config, judged by check_proxy_config, in force as a Snapshot. conf/hubgate.toml shows every key, and a
// test compares it with this file.

namespace hubgate::proxy {

using std::chrono::milliseconds;

/// A text that must not be printed. Compares, copies; to read it one must say so.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

/// A certificate chain and its key: PEM files, absolute paths.
struct TlsFiles {
  std::string certificate;
  std::string key;

  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

struct ListenerConfig {
  std::string name;
  std::string listen;  // "127.0.0.1:8080", "[::1]:8080", "unix:/path"
  std::optional<TlsFiles> tls{};
  bool proxy_protocol = false;               // each connection begins with a PROXY header, v1 or v2
  std::vector<std::string> trusted_cidrs{};  // whose PROXY header and forwarding fields are believed

  friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

enum class HandoverMode : std::uint8_t { kAuto, kOff };
std::string_view to_string(HandoverMode mode) noexcept;

/// A server that runs elsewhere.
struct EndpointConfig {
  std::string address;       // "127.0.0.1:9000", "unix:/path"; names the endpoint too
  std::uint32_t weight = 1;  // its share of new connections, beside the others' weights

  EndpointConfig() = default;
  EndpointConfig(std::string where, std::uint32_t share = 1) : address(std::move(where)), weight(share) {}
  EndpointConfig(const char* where) : address(where) {}
  friend bool operator==(const EndpointConfig&, const EndpointConfig&) = default;
};

/// How remote endpoints are asked whether they are healthy.
struct HealthConfig {
  std::string path{};            // GET of it, answered by 2xx, is healthy; empty: a connection is
  milliseconds interval{2'000};  // from the beginning of one probe to that of the next, ± 20 %
  milliseconds timeout{1'000};   // of one probe
  std::uint32_t fall = 3;        // failures in a row that make a healthy one unhealthy
  std::uint32_t rise = 2;        // successes in a row that make it healthy again

  friend bool operator==(const HealthConfig&, const HealthConfig&) = default;
};

/// Either `command` (local workers on the hub library) or `endpoints` (remote), never both.
struct PoolConfig {
  std::string name;
  std::vector<std::string> command;  // [0] without '/': beside hubgate first, then in PATH
  std::uint32_t workers = 1;         // slots of a pool with a command
  HandoverMode handover = HandoverMode::kAuto;
  milliseconds drain_time{60'000};
  std::vector<EndpointConfig> endpoints{};
  std::string application{};  // what the workers are told; empty: the pool's name
  BalancePolicy balance = BalancePolicy::kLeastConnections;
  bool rebalance = false;  // even out the connections of local workers, a little at a time
  HealthConfig health{};   // of a pool with endpoints; workers tell of themselves

  bool is_local() const { return !command.empty(); }
  friend bool operator==(const PoolConfig&, const PoolConfig&) = default;
};

/// `[limits]`. Each is finite. Times are milliseconds, sizes bytes.
struct LimitsConfig {
  // The client's side.
  milliseconds request_head_time{10'000};  // absolute, from the first byte
  milliseconds keep_alive_idle{65'000};
  std::uint32_t keep_alive_requests = 1000;
  milliseconds keep_alive_age{3'600'000};  // not tunnels
  milliseconds body_idle{30'000};          // between two reads
  std::size_t body_min_rate = 500;         // bytes a second of a body, on average; 0: any
  milliseconds body_grace{10'000};         // before the rate counts
  milliseconds write_idle{30'000};         // output waits and the client takes none of it
  milliseconds linger_time{1'000};         // input is drained after our last byte
  std::size_t linger_size = 64 * 1024;
  milliseconds tls_handshake_time{10'000};
  std::uint32_t tls_handshakes = 256;        // at a time
  milliseconds proxy_header_time{5'000};     // of a listener with proxy_protocol
  std::uint32_t source_connections = 0;      // open at a time, of one source (an IPv4 address, an IPv6 /64); 0: any
  std::uint32_t source_connection_rate = 0;  // new ones a second, of one source; 0: any
  std::uint32_t source_connection_burst = 100;
  std::uint32_t source_negotiate_rate = 0;  // a second, of one source; 0: any
  std::uint32_t source_negotiate_burst = 100;
  std::size_t head_size = 16 * 1024;  // the whole head
  std::size_t target_size = 8 * 1024;
  std::size_t field_size = 8 * 1024;  // one header field
  std::uint32_t field_count = 100;
  std::size_t body_size = 1024 * 1024;  // of a request
  // Tunnels.
  milliseconds tunnel_idle{120'000};  // no byte either way
  milliseconds tunnel_half_close{10'000};
  std::size_t tunnel_high_mark = 64 * 1024;  // unsent bytes that pause the other side until half have left
  milliseconds upgrade_time{10'000};         // until an endpoint has answered an upgrade
  // The workers' side.
  milliseconds connect_time{3'000};
  std::uint32_t connect_retries = 2;
  milliseconds response_head_time{30'000};
  milliseconds hub_response_head_time{120'000};  // hub paths: a poll is held for 90 s
  milliseconds response_body_idle{120'000};
  std::uint32_t idle_connections = 32;  // kept per endpoint
  milliseconds idle_connection_age{30'000};
  std::uint32_t queue_length = 8192;  // requests waiting for an endpoint, per pool
  milliseconds queue_wait{5'000};
  milliseconds slow_start{30'000};
  // Workers; they are told by Welcome.
  milliseconds worker_ready_time{30'000};  // from the start to Ready
  std::size_t max_message_size = 32 * 1024;
  std::size_t application_max_buffer_size = 64 * 1024;  // bytes held for waiting calls of one client
  std::size_t max_pending_bytes = 1024 * 1024;          // unsent bytes of one client
  milliseconds send_time{10'000};                       // for one write to an attached transport
  std::size_t redis_queue_size = 8 * 1024 * 1024;       // publishes that wait for Redis

  friend bool operator==(const LimitsConfig&, const LimitsConfig&) = default;
};

struct AdminConfig {
  std::string listen = "127.0.0.1:8081";
  std::vector<std::string> hosts = {"localhost", "127.0.0.1"};  // what a Host header may name, without port

  friend bool operator==(const AdminConfig&, const AdminConfig&) = default;
};

enum class LogFormat : std::uint8_t { kText, kJson };
std::string_view to_string(LogFormat format) noexcept;

/// `[access_log]`: one record an exchange, two a WebSocket.
struct AccessLogConfig {
  std::string target;  // absolute path of a file, "stdout", "syslog"; empty: off
  LogFormat format = LogFormat::kJson;

  friend bool operator==(const AccessLogConfig&, const AccessLogConfig&) = default;
};

struct BackplaneConfig {
  std::string prefix;  // before every Redis channel
  bool scoped_sends = false;

  friend bool operator==(const BackplaneConfig&, const BackplaneConfig&) = default;
};

struct RestConfig {
  std::vector<std::string> key_files;  // primary, secondary; absolute
  std::vector<Secret> keys;            // what is in them

  friend bool operator==(const RestConfig&, const RestConfig&) = default;
};

struct ProxyConfig {
  std::string runtime_dir = "/run/hubgate";
  std::string state_dir = "/var/lib/hubgate";
  Secret redis{"managed"};  // or "redis://…", "rediss://…", "unix:/path", "off"; may hold a password
  std::string user;         // of the whole gateway; empty: as started
  std::string redis_group;  // who else may reach managed Redis
  bool watch = true;
  milliseconds stop_time{10'000};
  LogLevel log_level = LogLevel::kInfo;
  AccessLogConfig access_log;
  AdminConfig admin;
  LimitsConfig limits;
  BackplaneConfig backplane;
  RestConfig rest;
  std::vector<ListenerConfig> listeners;
  std::vector<PoolConfig> pools;
  std::vector<Route> routes;

  bool has_managed_redis() const { return redis.reveal() == "managed"; }
  bool has_redis() const { return redis.reveal() != "off"; }
  const PoolConfig* find_pool(std::string_view name) const;
  const ListenerConfig* find_listener(std::string_view name) const;

  friend bool operator==(const ProxyConfig&, const ProxyConfig&) = default;
};

/// A Redis address fit for logs and status: without user, password and query.
std::string redis_without_password(std::string_view redis);

}  // namespace hubgate::proxy
