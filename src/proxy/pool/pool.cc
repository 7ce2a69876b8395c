#include "proxy/pool/pool.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/pool/idle_connections.h"
#include "proxy/routing/choose_endpoint.h"

namespace hubgate::proxy {
namespace {

// Choices per endpoint after which all recent counts are halved: "lately" is a matter of choices, not of time, so
// that a quiet pool remembers as well as a busy one.
constexpr std::uint32_t kRecentWindow = 32;
constexpr std::uint32_t kRetryShare = 5;  // one in so many requests may be a second attempt
constexpr std::uint32_t kMinRetries = 3;

}  // namespace

PoolWaiter::~PoolWaiter() { stop_waiting(); }

void PoolWaiter::stop_waiting() {
  if (pool_ == nullptr) return;
  Pool& pool = *std::exchange(pool_, nullptr);
  if (pool.next_asked_ == place_) ++pool.next_asked_;
  if (bound_) --pool.bound_waiting_;
  pool.waiting_.erase(place_);
}

Pool::Pool(event::Loop& loop, event::Timers& timers, Log& log, PoolConfig config, const LimitsConfig& limits)
    : loop_(loop), timers_(timers), log_(log), config_(std::move(config)), limits_(limits) {
  next_asked_ = waiting_.end();
}

Pool::~Pool() {
  while (!waiting_.empty()) waiting_.front()->stop_waiting();
}

Endpoint& Pool::add(EndpointFacts facts, WorkerSlot& slot) {
  return adopt(std::make_unique<Endpoint>(*this, std::move(facts), slot));
}

Endpoint& Pool::add(EndpointFacts facts, std::vector<net::Address> addresses) {
  return adopt(std::make_unique<Endpoint>(*this, std::move(facts), std::move(addresses)));
}

Endpoint& Pool::adopt(std::unique_ptr<Endpoint> endpoint) {
  assert(find(endpoint->key()) == nullptr);
  Endpoint& adopted = *endpoint;
  log_.info("endpoint added", {{"pool", name()},
                               {"endpoint", adopted.name()},
                               {"id", adopted.key().endpoint},
                               {"generation", adopted.key().generation}});
  endpoints_.push_back(std::move(endpoint));
  living_.push_back(&adopted);
  changed();
  return adopted;
}

void Pool::remove(Endpoint& endpoint) {
  const auto place = std::find(living_.begin(), living_.end(), &endpoint);
  if (place == living_.end()) return;
  living_.erase(place);
  endpoint.removed();
  log_.info("endpoint removed", {{"pool", name()},
                                 {"endpoint", endpoint.name()},
                                 {"generation", endpoint.key().generation},
                                 {"leases", endpoint.leases()}});
  end_needless_ejections();
  changed();  // who waits for it alone must choose anew
  bury_if_unused(endpoint);
}

void Pool::bury_if_unused(Endpoint& endpoint) {
  if (endpoint.life() != Endpoint::Life::kRemoved || endpoint.leases() > 0) return;
  const auto place =
      std::find_if(endpoints_.begin(), endpoints_.end(), [&](const auto& one) { return one.get() == &endpoint; });
  assert(place != endpoints_.end());
  std::unique_ptr<Endpoint> gone = std::move(*place);
  endpoints_.erase(place);
  loop_.dispose_value(std::move(gone));  // its last user may be on the stack
}

Endpoint* Pool::find(EndpointKey key) const {
  const auto place =
      std::find_if(living_.begin(), living_.end(), [&](const Endpoint* one) { return one->key() == key; });
  return place == living_.end() ? nullptr : *place;
}

bool Pool::has_ready_endpoint() const {
  return std::any_of(living_.begin(), living_.end(), [](const Endpoint* one) { return one->is_well(); });
}

std::size_t Pool::ejected() const {
  return static_cast<std::size_t>(
      std::count_if(living_.begin(), living_.end(), [](const Endpoint* one) { return one->is_ejected(); }));
}

// Half of them may be out, and somebody must be left.
bool Pool::may_eject(const Endpoint& endpoint) const {
  if ((ejected() + 1) * 2 > living_.size()) return false;
  return std::any_of(living_.begin(), living_.end(),
                     [&](const Endpoint* one) { return one != &endpoint && one->is_well(); });
}

// When an endpoint is lost in another way: those that would be back first are back now, until both holds again.
void Pool::end_needless_ejections() {
  while (ejected() * 2 > living_.size() || !has_ready_endpoint()) {
    Endpoint* first = nullptr;
    for (Endpoint* one : living_) {
      if (!one->is_ejected() || one->health() == Endpoint::Health::kUnhealthy) continue;
      if (first == nullptr || one->ejected_until() < first->ejected_until()) first = one;
    }
    if (first == nullptr) return;
    first->end_ejection();
  }
}

std::size_t Pool::connections() const {
  std::size_t count = 0;
  for (const auto& endpoint : endpoints_) count += endpoint->leases() + endpoint->idle().size();
  return count;
}

void Pool::close_idle() {
  for (const auto& endpoint : endpoints_) endpoint->idle().clear();
}

Endpoint* Pool::choose(Random& random, std::span<const EndpointKey> not_these) {
  // In a rolling restart what comes now goes to the new ones, or it would be closed again.
  const bool any_new = std::any_of(living_.begin(), living_.end(), [&](const Endpoint* one) {
    return one->is_available() && !one->is_outgoing() &&
           std::find(not_these.begin(), not_these.end(), one->key()) == not_these.end();
  });
  std::vector<Candidate> candidates;
  std::vector<Endpoint*> endpoints;
  candidates.reserve(living_.size());
  endpoints.reserve(living_.size());
  for (Endpoint* endpoint : living_) {
    if (!endpoint->is_available() || (any_new && endpoint->is_outgoing())) continue;
    if (std::find(not_these.begin(), not_these.end(), endpoint->key()) != not_these.end()) continue;
    endpoints.push_back(endpoint);
    candidates.push_back({.active = endpoint->active(),
                          .pending = endpoint->pending(),
                          .weight = static_cast<double>(endpoint->weight()),
                          .recent = endpoint->recent(),
                          .warmth = endpoint->warmth()});
  }
  const std::optional<std::size_t> chosen = choose_endpoint(config_.balance, candidates, turn_, random);
  if (!chosen) return nullptr;
  count_choice(*endpoints[*chosen]);
  return endpoints[*chosen];
}

void Pool::count_choice(Endpoint& endpoint) {
  ++endpoint.recent_;
  if (++recent_choices_ < kRecentWindow * living_.size()) return;
  recent_choices_ = 0;
  for (Endpoint* one : living_) {
    one->recent_ /= 2;
    recent_choices_ += one->recent_;
  }
}

bool Pool::wait(PoolWaiter& waiter, bool bound) {
  assert(!waiter.is_waiting());
  if (waiting_.size() >= limits_.queue_length) {
    ++counters.queue_full;
    return false;
  }
  waiter.place_ = waiting_.insert(waiting_.end(), &waiter);
  waiter.pool_ = this;
  waiter.bound_ = bound;
  if (bound) ++bound_waiting_;
  return true;
}

bool Pool::begin_retry() {
  std::uint32_t under_way = 0;
  for (const Endpoint* endpoint : living_) under_way += endpoint->leases();
  if (retries_ >= std::max(kMinRetries, under_way / kRetryShare)) return false;
  ++retries_;
  return true;
}

void Pool::changed() {
  if (!has_been_ready_) has_been_ready_ = has_ready_endpoint();
  if (waiting_.empty() || asking_scheduled_) return;
  asking_scheduled_ = true;
  loop_.run_later([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) ask_waiters();
  });
}

void Pool::ask_waiters() {
  asking_scheduled_ = false;
  // Those that come while we ask have just seen that there is nothing.
  const std::size_t asked = waiting_.size();
  bool none_for_unbound = false;
  next_asked_ = waiting_.begin();
  for (std::size_t i = 0; i < asked && next_asked_ != waiting_.end(); ++i) {
    if (none_for_unbound && bound_waiting_ == 0) break;
    PoolWaiter& waiter = **next_asked_++;
    // In order: where the first of those that take any endpoint found none, the next would not either.
    const bool bound = waiter.bound_;  // an answered waiter may be gone after the call
    if (!bound && none_for_unbound) continue;
    if (!waiter.on_endpoint_change() && !bound) none_for_unbound = true;
  }
  next_asked_ = waiting_.end();
}

}  // namespace hubgate::proxy
