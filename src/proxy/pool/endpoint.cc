#include "proxy/pool/endpoint.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

#include "proxy/pool/idle_connections.h"
#include "proxy/pool/pool.h"
#include "proxy/pool/worker_slot.h"
#include "proxy/routing/choose_endpoint.h"

namespace hubgate::proxy {

EndpointLease::EndpointLease(Endpoint& endpoint, Kind kind) : endpoint_(&endpoint), kind_(kind) {
  endpoint.added(kind);
}

EndpointLease::EndpointLease(EndpointLease&& other) noexcept
    : endpoint_(std::exchange(other.endpoint_, nullptr)), kind_(other.kind_) {}

EndpointLease& EndpointLease::operator=(EndpointLease&& other) noexcept {
  if (this == &other) return *this;
  release();
  endpoint_ = std::exchange(other.endpoint_, nullptr);
  kind_ = other.kind_;
  return *this;
}

void EndpointLease::release() {
  if (endpoint_ != nullptr) std::exchange(endpoint_, nullptr)->ended(kind_);
}

Endpoint::Endpoint(Pool& pool, EndpointFacts facts, WorkerSlot& slot)
    : pool_(pool),
      facts_(std::move(facts)),
      slot_(&slot),
      is_local_(true),
      health_(Health::kHealthy),
      ejection_end_(pool.timers_, [this] { end_ejection(); }) {
  idle_ = std::make_unique<IdleConnections>(pool.loop_, pool.timers_);
}

Endpoint::Endpoint(Pool& pool, EndpointFacts facts, std::vector<net::Address> addresses)
    : pool_(pool),
      facts_(std::move(facts)),
      addresses_(std::move(addresses)),
      is_local_(false),
      ejection_end_(pool.timers_, [this] { end_ejection(); }) {
  idle_ = std::make_unique<IdleConnections>(pool.loop_, pool.timers_);
}

Endpoint::~Endpoint() = default;

void Endpoint::set_addresses(std::vector<net::Address> addresses) {
  const std::string used = addresses_.empty() ? std::string() : addresses_.front().to_string();
  addresses_ = std::move(addresses);
  // What was used last stays the first while it is one of them: a name with several addresses may be several servers,
  // and a client must find the one that it has negotiated with.
  const auto place = std::find_if(addresses_.begin(), addresses_.end(),
                                  [&](const net::Address& one) { return one.to_string() == used; });
  if (place != addresses_.end()) {
    std::rotate(addresses_.begin(), place, place + 1);
  } else {
    idle_->clear();
  }
  pool_.changed();
}

void Endpoint::note_reached(const net::Address& address) {
  const std::string reached = address.to_string();
  const auto place = std::find_if(addresses_.begin(), addresses_.end(),
                                  [&](const net::Address& one) { return one.to_string() == reached; });
  if (place == addresses_.begin() || place == addresses_.end()) return;
  std::rotate(addresses_.begin(), place, place + 1);
  idle_->clear();
}

void Endpoint::set_health(Health health, std::string_view why) {
  assert(health != Health::kUnknown);
  if (health == health_) return;
  const Health before = std::exchange(health_, health);
  if (health == Health::kHealthy) {
    pool_.log_.info("endpoint health", {{"pool", pool_.name()}, {"endpoint", name()}, {"health", to_string(health)}});
    if (before == Health::kUnhealthy) return on_ready();
  } else {
    pool_.log_.warn("endpoint health",
                    {{"pool", pool_.name()}, {"endpoint", name()}, {"health", to_string(health)}, {"error", why}});
    pool_.end_needless_ejections();
  }
  pool_.changed();
}

void Endpoint::note_connect_failure(bool judged) {
  ++counters.connect_failures;
  if (judged) judge_failure();
}

void Endpoint::note_response_failure(bool judged) {
  ++counters.response_failures;
  if (judged) judge_failure();
}

void Endpoint::judge_failure() {
  if (is_local_ || life_ == Life::kRemoved || !passive_.failed() || !pool_.may_eject(*this)) return;
  const Duration time = passive_.eject(pool_.timers_.now());
  ++counters.ejections;
  ejection_end_.start(time);
  pool_.log_.warn("endpoint ejected", {{"pool", pool_.name()},
                                       {"endpoint", name()},
                                       {"seconds", std::chrono::duration_cast<std::chrono::seconds>(time).count()},
                                       {"in_row", passive_.ejections()}});
}

void Endpoint::end_ejection() {
  ejection_end_.cancel();
  passive_.take_back(pool_.timers_.now());
  pool_.log_.info("endpoint taken back", {{"pool", pool_.name()}, {"endpoint", name()}});
  on_ready();
}

void Endpoint::set_draining(bool draining) {
  if (life_ == Life::kRemoved || (life_ == Life::kDraining) == draining) return;
  life_ = draining ? Life::kDraining : Life::kServing;
  if (draining) pool_.end_needless_ejections();
  pool_.changed();
}

void Endpoint::set_outgoing(bool outgoing) { outgoing_ = outgoing; }

void Endpoint::removed() {
  life_ = Life::kRemoved;
  slot_ = nullptr;
  ejection_end_.cancel();
  idle_->clear();
}

bool Endpoint::is_reachable() const {
  if (life_ == Life::kRemoved) return false;
  return slot_ == nullptr || slot_->is_ready();  // of a remote one only trying can tell
}

bool Endpoint::is_full() const {
  if (requests_ >= kMaxRequestsInFlight) return true;
  return slot_ != nullptr && slot_->is_full();
}

bool Endpoint::is_well() const {
  if (!is_reachable() || life_ != Life::kServing || health_ == Health::kUnhealthy || is_ejected()) return false;
  return is_local_ || !addresses_.empty();
}

std::uint64_t Endpoint::active() const {
  return slot_ != nullptr ? slot_->load().active : tunnels_ + held_ + requests_;
}

std::uint64_t Endpoint::pending() const {
  return slot_ != nullptr ? slot_->load().pending + negotiates_since_load_ : 0;
}

double Endpoint::warmth() const {
  if (!facts_.slow_start || !ready_since_) return 1;
  return slow_start_share(pool_.timers_.now() - *ready_since_, pool_.limits().slow_start);
}

void Endpoint::on_load_read() {
  negotiates_since_load_ = 0;
  pool_.changed();
}

void Endpoint::on_ready() {
  ready_since_ = pool_.timers_.now();
  pool_.changed();
}

std::uint32_t& Endpoint::count_of(EndpointLease::Kind kind) {
  switch (kind) {
    case EndpointLease::Kind::kRequest: return requests_;
    case EndpointLease::Kind::kHeld: return held_;
    case EndpointLease::Kind::kTunnel: break;
  }
  return tunnels_;
}

void Endpoint::added(EndpointLease::Kind kind) { ++count_of(kind); }

void Endpoint::ended(EndpointLease::Kind kind) {
  assert(count_of(kind) > 0);
  --count_of(kind);
  if (life_ == Life::kRemoved) return pool_.bury_if_unused(*this);
  pool_.changed();
}

std::string_view to_string(Endpoint::Health health) noexcept {
  switch (health) {
    case Endpoint::Health::kUnknown: return "unknown";
    case Endpoint::Health::kHealthy: return "healthy";
    case Endpoint::Health::kUnhealthy: return "unhealthy";
  }
  return "?";
}

std::string_view to_string(Endpoint::Life life) noexcept {
  switch (life) {
    case Endpoint::Life::kServing: return "serving";
    case Endpoint::Life::kDraining: return "draining";
    case Endpoint::Life::kRemoved: return "removed";
  }
  return "?";
}

}  // namespace hubgate::proxy
