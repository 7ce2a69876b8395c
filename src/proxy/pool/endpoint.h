#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/event/timer.h"
#include "common/net/address.h"
#include "proxy/pool/passive_health.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {

class Endpoint;
class IdleConnections;
class Pool;
class WorkerSlot;

/// What an endpoint is; all but its weight fixed for its life.
struct EndpointFacts {
  /// "main/0" for a slot, the address as written for a remote one.
  std::string name;
  /// As in the tags of its tokens. Generation 0: a remote endpoint.
  EndpointKey key;
  std::uint32_t weight = 1;
  /// False: it takes its full share at once, always. Else where it has become ready or well beside others.
  bool slow_start = true;
};

/// One exchange's or tunnel's hold on an endpoint: counts it while it lives, and keeps a removed endpoint alive until
/// the last one ends. Empty after a move.
class EndpointLease {
 public:
  enum class Kind : std::uint8_t {
    kRequest,  // counts against the endpoint's limit of requests in flight
    kHeld,     // a poll, an event stream or a POST that the endpoint may hold: does not
    kTunnel,   // a relayed WebSocket: does not; it is an active connection of the endpoint
  };

  EndpointLease() = default;
  EndpointLease(Endpoint& endpoint, Kind kind);
  EndpointLease(EndpointLease&& other) noexcept;
  EndpointLease& operator=(EndpointLease&& other) noexcept;
  ~EndpointLease() { release(); }

  void release();
  explicit operator bool() const { return endpoint_ != nullptr; }
  Endpoint& operator*() const { return *endpoint_; }
  Endpoint* operator->() const { return endpoint_; }

 private:
  Endpoint* endpoint_ = nullptr;
  Kind kind_ = Kind::kRequest;
};

/// One of a pool's endpoints: a generation of a local slot (then it has a WorkerSlot), or an address: a remote server
/// or another program started here. Owned by its Pool, which destroys it after it was removed and its last lease has
/// ended. One thread, the loop's.
class Endpoint {
 public:
  enum class Health : std::uint8_t { kUnknown, kHealthy, kUnhealthy };
  enum class Life : std::uint8_t { kServing, kDraining, kRemoved };

  /// `slot` must outlive the endpoint's removal: Pool::remove() lets go of it.
  Endpoint(Pool& pool, EndpointFacts facts, WorkerSlot& slot);
  /// `addresses` of one server; empty while its name is not resolved.
  Endpoint(Pool& pool, EndpointFacts facts, std::vector<net::Address> addresses);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  Pool& pool() const { return pool_; }
  const std::string& name() const { return facts_.name; }
  EndpointKey key() const { return facts_.key; }
  /// Null for an address, and for a slot after its removal.
  WorkerSlot* slot() const { return slot_; }
  bool is_local() const { return is_local_; }
  /// Where a remote one is reached, first where it was reached last. Empty: its name is not resolved.
  const std::vector<net::Address>& addresses() const { return addresses_; }
  /// Others than before, in the order in which they are to be tried.
  void set_addresses(std::vector<net::Address> addresses);
  /// A connection to one of them was made.
  void note_reached(const net::Address& address);
  void set_weight(std::uint32_t weight) { facts_.weight = weight; }

  Health health() const { return health_; }
  Life life() const { return life_; }
  /// kUnknown → kHealthy ⇄ kUnhealthy, as probes say. Tells the pool's waiting queue. A slot's health is its process:
  /// kHealthy. `why`: for the log.
  void set_health(Health health, std::string_view why = {});

  // How requests to it went; PassiveHealth judges a remote one by it. A judgement is about what is new only: who has a
  // token of the endpoint still gets there. No more than half of a pool's endpoints are out for it at a time, and never
  // the last that could be chosen: a lone one is tried on. A probe that is answered does not end it: what answers
  // probes need not be what serves requests, which have just failed.
  void note_answer() { passive_.succeeded(); }
  /// Refused, timed out, or no socket given; `judged`: by its doing.
  void note_connect_failure(bool judged);
  /// Reset or malformed before or in the response; `judged`: before its head, and not by the end of a connection that
  /// had waited for a request.
  void note_response_failure(bool judged);
  bool is_ejected() const { return passive_.is_ejected(); }
  /// Meaningful while it is.
  TimePoint ejected_until() const { return ejection_end_.due(); }

  /// kServing ⇄ kDraining; removal is the pool's.
  void set_draining(bool draining);

  /// It will be replaced soon: chosen only where nothing else is available.
  void set_outgoing(bool outgoing);
  bool is_outgoing() const { return outgoing_; }

  /// Can take a request at all: alive, and ready if it is a slot. What a token's tag asks for, draining or not.
  bool is_reachable() const;
  /// Is at its limit just now.
  bool is_full() const;
  /// Nothing but being full keeps it from something new: reachable, serving, neither unhealthy nor ejected.
  bool is_well() const;
  /// May be chosen for something new.
  bool is_available() const { return is_well() && !is_full(); }

  /// Connections of it as load for the choice: a slot's by its worker's last Load, what was handed over and the
  /// negotiates relayed since; an address's by the proxy's own counts.
  std::uint64_t active() const;
  std::uint64_t pending() const;
  std::uint32_t weight() const { return facts_.weight; }
  /// The share of its weight that counts now, in (0, 1]: it grows over the slow start.
  double warmth() const;

  /// A negotiate was relayed to it: a connection to come, until the worker's next Load says so itself.
  void note_negotiate() { ++negotiates_since_load_; }
  /// The worker's Load was read (its own numbers count from here on).
  void on_load_read();
  /// It became ready, or well again, beside others: the slow start begins, and the pool's queue is told.
  void on_ready();

  std::uint32_t requests_in_flight() const { return requests_; }
  std::uint32_t held() const { return held_; }
  std::uint32_t tunnels() const { return tunnels_; }
  /// Choices that fell on it lately; ties go to the endpoint with fewer.
  std::uint32_t recent() const { return recent_; }
  /// Connections that wait for a further request.
  IdleConnections& idle() { return *idle_; }

  struct Counters {
    std::uint64_t requests = 0;           // sent to it, retries included
    std::uint64_t connect_failures = 0;   // refused, timed out, or no socket given
    std::uint64_t response_failures = 0;  // reset or malformed before or in the response
    std::uint64_t handed_over = 0;        // acked
    std::uint64_t tunnels_opened = 0;
    std::uint64_t probes = 0;
    std::uint64_t probe_failures = 0;
    std::uint64_t ejections = 0;
  };
  Counters counters;

  static constexpr std::uint32_t kMaxRequestsInFlight = 1024;

 private:
  friend class EndpointLease;
  friend class Pool;
  void removed();
  void judge_failure();
  void end_ejection();
  void added(EndpointLease::Kind kind);
  void ended(EndpointLease::Kind kind);
  std::uint32_t& count_of(EndpointLease::Kind kind);
  std::uint32_t leases() const { return requests_ + held_ + tunnels_; }

  Pool& pool_;
  EndpointFacts facts_;
  WorkerSlot* slot_ = nullptr;
  std::vector<net::Address> addresses_;
  bool is_local_;
  Health health_ = Health::kUnknown;
  Life life_ = Life::kServing;
  bool outgoing_ = false;
  std::uint32_t requests_ = 0;
  std::uint32_t held_ = 0;
  std::uint32_t tunnels_ = 0;
  std::uint32_t negotiates_since_load_ = 0;
  std::uint32_t recent_ = 0;
  std::optional<TimePoint> ready_since_;
  PassiveHealth passive_;
  event::Timer ejection_end_;  // runs while it is ejected
  std::unique_ptr<IdleConnections> idle_;
};

std::string_view to_string(Endpoint::Health health) noexcept;
std::string_view to_string(Endpoint::Life life) noexcept;

}  // namespace hubgate::proxy
