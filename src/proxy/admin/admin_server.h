#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hubgate/result.h>

#include "common/base/descriptor.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/event/loop.h"
#include "common/net/listener.h"
#include "proxy/admin/status_report.h"
#include "proxy/config/snapshot.h"

namespace hubgate::proxy {

/// What a verb has done; lines for the operator.
struct VerbAnswer {
  bool accepted = false;           // false: nothing was done
  std::vector<std::string> lines;  // what is done, or the errors
};

/// What the admin server asks of the gateway; implemented by the proxy. Every call answers at once.
class AdminHost {
 public:
  virtual ~AdminHost() = default;
  /// Listeners bound, no stop asked for, every pool with a ready endpoint.
  virtual bool is_ready() const = 0;
  virtual StatusReport status() const = 0;
  virtual void collect(MetricsPage& page) const = 0;
  virtual const Snapshot& snapshot() const = 0;  // for admin.hosts
  /// Lines: changes and "needs restart: …".
  virtual VerbAnswer reload() = 0;
  /// What a reload with this file would do, and how many living connections each change would touch.
  virtual VerbAnswer diff(const std::string& file) const = 0;
  /// Replaces the workers of a pool, one after the other; the answer comes at its beginning, status tells the rest.
  virtual VerbAnswer restart(const std::string& pool) = 0;
  /// Workers of a pool that have more than their share ask some clients to come back.
  virtual VerbAnswer rebalance(const std::string& pool) = 0;
  /// Takes an endpoint ("main/0", or an address) out of service, or puts it back.
  virtual VerbAnswer drain(const std::string& endpoint, bool drained) = 0;
};

/// HTTP for operators, on two doors. The TCP one (loopback) answers GET only and checks Host against admin.hosts,
/// /healthz and /readyz excepted: a page in a browser must not reach it by DNS rebinding. Verbs (POST) are
/// taken only on the Unix socket, which only the gateway's user can open.
///
///   GET /healthz → 200 while the loop turns       GET /metrics → Prometheus' text
///   GET /readyz  → 200 or 503                     GET /status  → a table; ?format=json → JSON
///   POST /reload, /diff?file=…, /restart?pool=…, /rebalance?pool=…, /drain?endpoint=…, /undrain?endpoint=…
///                → 200 accepted, 422 refused; lines for the operator
class AdminServer {
 public:
  AdminServer(event::Loop& loop, Log& log, AdminHost& host);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Starts accepting; the socket listens already. TCP door for an IP socket or another Unix socket.
  void listen(Descriptor socket);
  /// The same for runtime_dir/admin.sock, which open_socket() made.
  void listen_for_verbs(Descriptor socket);
  /// Opens socket_path() with mode 0600; a stale one is replaced. Error kSystem.
  static Result<Descriptor> open_socket(const std::string& runtime_dir);
  static std::string socket_path(const std::string& runtime_dir);

  /// Stops accepting and ends all connections.
  void close();
  /// Bound address of the first door without verbs; empty before listen().
  const net::Address& address() const;

 private:
  class Session;
  struct Door;
  void open_door(Descriptor socket, bool takes_verbs);
  void end(const Session& session);
  event::Loop& loop_;
  Log& log_;
  AdminHost& host_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::unordered_map<const Session*, std::unique_ptr<Session>> sessions_;
};

}  // namespace hubgate::proxy
