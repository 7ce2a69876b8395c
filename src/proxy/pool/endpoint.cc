#include "proxy/pool/endpoint.h"

#include <cassert>
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
    : pool_(pool), facts_(std::move(facts)), slot_(&slot), is_local_(true), health_(Health::kHealthy) {
  idle_ = std::make_unique<IdleConnections>(pool.loop_, pool.timers_);
}

Endpoint::Endpoint(Pool& pool, EndpointFacts facts, net::Address address)
    : pool_(pool), facts_(std::move(facts)), address_(std::move(address)), is_local_(false) {
  idle_ = std::make_unique<IdleConnections>(pool.loop_, pool.timers_);
}

Endpoint::~Endpoint() = default;

void Endpoint::set_health(Health health) {
  assert(health != Health::kUnknown);
  if (health == health_) return;
  health_ = health;
  pool_.log_.info("endpoint health", {{"pool", pool_.name()}, {"endpoint", name()}, {"health", to_string(health)}});
  pool_.changed();
}

void Endpoint::set_draining(bool draining) {
  if (life_ == Life::kRemoved || (life_ == Life::kDraining) == draining) return;
  life_ = draining ? Life::kDraining : Life::kServing;
  pool_.changed();
}

void Endpoint::set_outgoing(bool outgoing) { outgoing_ = outgoing; }

void Endpoint::removed() {
  life_ = Life::kRemoved;
  slot_ = nullptr;
  idle_->clear();
}

bool Endpoint::is_reachable() const {
  if (life_ == Life::kRemoved) return false;
  return slot_ == nullptr || slot_->is_ready();
}

bool Endpoint::is_full() const {
  if (requests_ >= kMaxRequestsInFlight) return true;
  return slot_ != nullptr && slot_->is_full();
}

bool Endpoint::is_available() const {
  return is_reachable() && life_ == Life::kServing && health_ != Health::kUnhealthy && !is_full();
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
