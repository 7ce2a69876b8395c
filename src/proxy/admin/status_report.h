#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hubgate::proxy {

/// One process of the gateway.
struct ProcessStatus {
  std::string role;              // "supervisor", "proxy", "worker", "redis"
  std::string name;              // "main/0" for a worker, else empty
  std::int64_t pid = 0;          // 0: not running
  std::uint32_t generation = 0;  // of a worker: start time in seconds
  std::string state;             // "ready", "starting", "draining", "failed", …
};

/// One endpoint of a pool: a generation of a local slot, or a remote address.
struct EndpointStatus {
  std::string name;              // "main/0" (pool and slot), or the address
  std::uint32_t id = 0;          // as in the tag
  std::uint32_t generation = 0;  // 0: remote
  std::int64_t pid = 0;          // 0: remote, or none now
  std::string state;             // "starting", "ready", "draining", "gone", "failed", …; of a remote one
                                 // "unknown", "healthy", "unhealthy", "ejected", "unresolved", "draining", "drained"
  bool local = false;            // a process of ours
  bool full = false;             // takes nothing new now
  bool failed = false;           // of a slot: it keeps ending
  bool outdated = false;         // will be replaced
  std::uint64_t active = 0;      // connections
  std::uint64_t pending = 0;     // given, not yet counted by the endpoint
  std::uint64_t max_connections = 0;  // 0: not said
  std::string redis_state;            // what the worker says: "ready", "down", …; empty: not said
  double loop_lag_seconds = 0;
  std::uint64_t restarts = 0;
  std::uint64_t handed_over = 0;  // living connections that were handed over to it
  std::uint64_t tunnels = 0;      // relayed WebSockets to it
  std::uint64_t messages_in = 0;  // of its hubs' clients, as it counts them
  std::uint64_t messages_out = 0;
  std::uint64_t requests = 0;           // relayed to it, retries included
  std::uint64_t connect_failures = 0;   // of them
  std::uint64_t response_failures = 0;  // of them: reset or malformed before or in the response
  // Of a remote one.
  bool up = false;                                            // neither unhealthy nor ejected, and it has an address
  std::string address{};                                      // where it was reached last, or is tried first
  std::uint32_t weight = 1;                                   // its share of what is new
  std::uint64_t ejected_seconds = 0;                          // left of its ejection
  std::uint64_t probes = 0;                                   // of its health
  std::uint64_t probe_failures = 0;                           // of them
  std::uint64_t ejections = 0;                                // for failures of its requests
  std::uint64_t log_dropped = 0;                              // lines that its output pipe had no room for
  std::vector<std::pair<std::string, std::uint64_t>> ends{};  // of a slot's processes, by their cause; metrics only
  std::vector<std::pair<std::string, double>> stats{};        // what the worker counts: series → value; metrics only
};

/// The last rolling restart of a pool.
struct RestartStatus {
  std::uint64_t number = 0;    // counts up in one run of the proxy
  std::string state = "none";  // "under way", "failing" (the new generation keeps ending), "done"
  std::uint32_t slots = 0;
  std::uint32_t done = 0;  // slots that run as they should
  std::string slot{};      // that is being replaced
  bool draining = false;   // its old generation drains; else the new one starts
  std::uint64_t left = 0;  // connections of the old generation
};

struct PoolStatus {
  std::string name;
  std::vector<std::string> command;  // empty: remote endpoints
  std::string handover;              // "auto", "off"
  std::uint64_t queued = 0;          // requests that wait for an endpoint
  std::vector<std::string> paths;    // hub paths that its workers have announced
  std::vector<EndpointStatus> endpoints;
  bool retired = false;  // not in the configuration any more: what is left drains
  RestartStatus restart{};
  std::string health{};  // how remote endpoints are asked: "GET /healthz every 2s"; empty: it has workers
};

struct ListenerStatus {
  std::string name;
  std::string address;  // as bound: the port is known
  bool tls = false;
};

/// Counters since the proxy has started; two of them give a rate.
struct TotalsStatus {
  std::uint64_t connections = 0;  // of clients
  std::uint64_t requests = 0;
  std::uint64_t server_errors = 0;  // answers 5xx
  std::uint64_t rejected = 0;       // malformed requests
  std::uint64_t retries = 0;
  std::uint64_t handovers = 0;    // that a worker has taken
  std::uint64_t tunnels = 0;      // opened
  std::uint64_t log_dropped = 0;  // records of the access log
};

/// What one gateway is doing now, as the proxy sees it: filled by the proxy, shown by `hubgate status` and
/// GET /status. Holds no secret.
struct StatusReport {
  std::string version;
  bool ready = false;  // as /readyz
  bool stopping = false;
  std::uint64_t uptime_seconds = 0;  // of this run of the proxy
  std::string runtime_dir;
  std::string admin;  // bound address of the admin listener

  std::string config_file;
  std::uint64_t revision = 0;
  std::string hash;
  bool kept_config = false;      // runs the text kept from before: the file is broken
  std::int64_t last_reload = 0;  // Unix seconds; 0: none yet
  bool last_reload_ok = true;
  std::vector<std::string> last_reload_errors;
  std::vector<std::string> needs_restart;

  std::string redis;        // address without password; "off"
  std::string redis_state;  // of managed Redis: "ready", "starting", …; outside: "" (workers say theirs)

  std::vector<ProcessStatus> processes;
  std::vector<ListenerStatus> listeners;
  std::vector<PoolStatus> pools;

  std::string access_log;  // its target; empty: off
  TotalsStatus totals;
  std::uint64_t downstream_connections = 0;
  std::uint64_t tunnels = 0;
  std::uint64_t handed_over = 0;  // living handed-over connections
  std::uint64_t descriptors = 0;  // of the proxy
};

/// A table for people.
std::string to_text(const StatusReport& report);
/// One JSON object, names as the fields above.
std::string to_json(const StatusReport& report);

}  // namespace hubgate::proxy
