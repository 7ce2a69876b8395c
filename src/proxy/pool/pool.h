#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/event/loop.h"
#include "proxy/config/proxy_config.h"
#include "proxy/pool/endpoint.h"

namespace hubgate::proxy {

/// Someone who waits for an endpoint of a pool. Leaves the queue by itself when destroyed; has its own deadline, which
/// the pool does not watch: limits.queue_wait, and longer while the queue moves (Pool::served_at()).
class PoolWaiter {
 public:
  PoolWaiter() = default;
  virtual ~PoolWaiter();
  PoolWaiter(const PoolWaiter&) = delete;
  PoolWaiter& operator=(const PoolWaiter&) = delete;

  bool is_waiting() const { return pool_ != nullptr; }
  void stop_waiting();

 protected:
  /// An endpoint may have become available. True: it has left the queue (stop_waiting()), and perhaps ended; false:
  /// it waits on. Out of the loop, with an empty stack.
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
  Pool(event::Loop& loop, event::Timers& timers, Log& log, PoolConfig config, const LimitsConfig& limits);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const std::string& name() const { return config_.name; }
  const PoolConfig& config() const { return config_; }
  /// A reload's; the name stays. Endpoints are its owner's to add and remove.
  void set_config(const PoolConfig& config) { config_ = config; }
  /// The configuration has it no more. It stays, for requests under way and for the day that it returns.
  void set_retired(bool retired) {
    if (retired_ && !retired) has_been_ready_ = false;
    retired_ = retired;
  }
  bool is_retired() const { return retired_; }
  /// Plaintext WebSocket upgrades for local workers are handed over.
  bool hands_over() const { return config_.handover == HandoverMode::kAuto; }
  /// Those of the snapshot in force; a reload sets them anew.
  const LimitsConfig& limits() const { return limits_; }
  void set_limits(const LimitsConfig& limits) { limits_ = limits; }

  /// Adds a generation of a local slot, or an address.
  Endpoint& add(EndpointFacts facts, WorkerSlot& slot);
  Endpoint& add(EndpointFacts facts, std::vector<net::Address> addresses);
  /// The endpoint gets nothing new and is found no more; its slot may go. It is destroyed when its last lease has
  /// ended.
  void remove(Endpoint& endpoint);
  /// Without removed ones. Pointers are good until control returns to the loop.
  const std::vector<Endpoint*>& endpoints() const { return living_; }
  /// Null when that generation is not, or no longer, here.
  Endpoint* find(EndpointKey key) const;
  bool has_ready_endpoint() const;
  /// Descriptors that lead to its endpoints: at most one a lease, and the idle ones.
  std::size_t connections() const;
  /// Closes connections that only wait for a further request.
  void close_idle();
  /// It had one, since it was made or came back.
  bool has_been_ready() const { return has_been_ready_; }

  /// Chooses for something new by the pool's policy among the available endpoints that are not in `not_these`; null
  /// when there is none now. Counts the choice as recent.
  Endpoint* choose(Random& random, std::span<const EndpointKey> not_these = {});

  /// Puts `waiter` at the queue's end; false when the queue is full (limits.queue_length). `bound`: it waits for one
  /// endpoint only. Asked again, in order, in the turn after each change.
  bool wait(PoolWaiter& waiter, bool bound);
  /// Something changed that may let a waiter go on: an endpoint became ready, its load fell, a lease ended.
  void changed();
  std::size_t waiting() const { return waiting_.size(); }
  /// Somebody waits for any endpoint: who comes now must not overtake them, and waits too.
  bool has_a_queue() const { return waiting_.size() > bound_waiting_; }
  /// Someone who waited has got an endpoint: the queue moves.
  void note_served() { served_at_ = timers_.now(); }
  TimePoint served_at() const { return served_at_; }

  /// Asks for one more attempt of a request that failed; end_retry() when it is over. False: a fifth of all requests
  /// under way (at least three) are second attempts already, so the endpoints are ill and more would make it worse.
  bool begin_retry();
  void end_retry() { --retries_; }

  struct Counters {
    std::uint64_t queued = 0;
    std::uint64_t queue_full = 0;
    std::uint64_t queue_timeouts = 0;
    Histogram queue_wait{};  // seconds; of those that got an endpoint
  };
  Counters counters;

 private:
  friend class Endpoint;
  friend class PoolWaiter;
  Endpoint& adopt(std::unique_ptr<Endpoint> endpoint);
  std::size_t ejected() const;
  bool may_eject(const Endpoint& endpoint) const;
  void end_needless_ejections();
  void bury_if_unused(Endpoint& endpoint);
  void ask_waiters();
  void count_choice(Endpoint& endpoint);

  event::Loop& loop_;
  event::Timers& timers_;
  Log& log_;
  PoolConfig config_;
  LimitsConfig limits_;
  bool retired_ = false;
  bool has_been_ready_ = false;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;  // removed ones too, while they are leased
  std::vector<Endpoint*> living_;
  std::list<PoolWaiter*> waiting_;
  std::size_t bound_waiting_ = 0;  // of them, for one endpoint only
  TimePoint served_at_{};
  std::list<PoolWaiter*>::iterator next_asked_;  // while waiters are asked; else the end
  std::uint32_t retries_ = 0;
  std::uint64_t turn_ = 0;            // of round_robin
  std::uint32_t recent_choices_ = 0;  // of all endpoints, since they were halved
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  bool asking_scheduled_ = false;
};

}  // namespace hubgate::proxy
