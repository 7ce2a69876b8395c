#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "proxy/pool/endpoint.h"

namespace hubgate::proxy {

struct PoolConfig;

/// Someone who waits for an endpoint of a pool. Leaves the queue by itself when destroyed; has its own deadline
/// (kMaxWait), which the pool does not watch.
class PoolWaiter {
 public:
  PoolWaiter() = default;
  virtual ~PoolWaiter();
  PoolWaiter(const PoolWaiter&) = delete;
  PoolWaiter& operator=(const PoolWaiter&) = delete;

  bool is_waiting() const { return pool_ != nullptr; }
  void stop_waiting();

 protected:
  /// An endpoint may have become available. True: got what it waited for, and has left the queue. Out of the loop,
  /// with an empty stack.
  virtual bool on_endpoint_change() = 0;

 private:
  friend class Pool;
  Pool* pool_ = nullptr;
  std::list<PoolWaiter*>::iterator place_;
  bool bound_ = false;
};

/// A group of endpoints that serve the same routes, by name. Owned by the PoolRegistry; one thread, the loop's.
/// Endpoints refer to it and it to them; exchanges hold EndpointLeases.
class Pool {
 public:
  Pool(event::Loop& loop, Log& log, const PoolConfig& config);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const std::string& name() const { return name_; }
  const PoolConfig& config() const { return *config_; }
  /// handover = "auto": plaintext WebSocket upgrades for local workers are handed over.
  bool hands_over() const;

  /// Adds a generation of a local slot, or an address. The facts' tags are found from now on.
  Endpoint& add(EndpointFacts facts, WorkerSlot& slot);
  Endpoint& add(EndpointFacts facts, net::Address address);
  /// The endpoint gets nothing new and its tags are unknown from now on; its slot may go. It is destroyed when its
  /// last lease has ended.
  void remove(Endpoint& endpoint);
  /// Without removed ones. Pointers are good until control returns to the loop.
  const std::vector<Endpoint*>& endpoints() const { return living_; }
  /// Null when that generation is not, or no longer, here.
  Endpoint* find(std::uint32_t id, std::uint32_t generation) const;
  /// By the 24 characters at the start of a connection token; null: gone or never ours, which the keys tell apart.
  Endpoint* find_by_tag(std::string_view tag) const;
  bool has_ready_endpoint() const;

  /// Chooses for something new by the pool's policy among the available endpoints that are not in `not_these`; null
  /// when there is none now. Counts the choice as recent.
  Endpoint* choose(Random& random, std::span<const Endpoint* const> not_these = {});

  /// Puts `waiter` at the queue's end; false when the queue is full (kMaxWaiting). `bound`: it waits for one endpoint
  /// only. Asked again, in order, in the turn after each change.
  bool wait(PoolWaiter& waiter, bool bound);
  /// Something changed that may let a waiter go on: an endpoint became ready, its load fell, a lease ended.
  void changed();
  std::size_t waiting() const { return waiting_.size(); }

  /// Paths of hubs and connections that a worker of this pool has announced. Kept while no worker is ready.
  void announce(std::string_view path);
  const std::set<std::string>& hub_paths() const { return hub_paths_; }

  struct Counters {
    std::uint64_t queued = 0;
    std::uint64_t queue_full = 0;
    std::uint64_t queue_timeouts = 0;
    double queue_wait_seconds = 0;  // of those that got an endpoint
  };
  Counters counters;

  static constexpr std::size_t kMaxWaiting = 8192;
  static constexpr Duration kMaxWait = std::chrono::seconds(5);

 private:
  friend class Endpoint;
  friend class PoolWaiter;
  Endpoint& adopt(std::unique_ptr<Endpoint> endpoint);
  void bury_if_unused(Endpoint& endpoint);
  void ask_waiters();
  void count_choice(Endpoint& endpoint);

  event::Loop& loop_;
  Log& log_;
  std::string name_;
  std::unique_ptr<PoolConfig> config_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;  // removed ones too, while they are leased
  std::vector<Endpoint*> living_;
  std::unordered_map<std::string, Endpoint*> by_tag_;
  std::list<PoolWaiter*> waiting_;
  std::set<std::string> hub_paths_;  // lower case, without a trailing slash
  std::uint32_t recent_choices_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool asking_scheduled_ = false;
};

/// Where a path lies relative to the hubs of a pool.
enum class HubPlace : std::uint8_t {
  kNone,       // on no hub's path
  kHub,        // the hub's own path: connections, polls, sends
  kNegotiate,  // {hub}/negotiate
  kRefresh,    // {hub}/refresh
};
/// Compares as ASP.NET's routing does: without case, with an optional trailing slash. `path` is normalised; `hubs` as
/// Pool::hub_paths(). `route_prefix` is a hub's path too when not empty (a route with hub = true).
HubPlace place_of(std::string_view path, const std::set<std::string>& hubs, std::string_view route_prefix = {});

}  // namespace hubgate::proxy
