#include "proxy/pool/rebalancer.h"

#include <algorithm>
#include <cmath>

#include "proxy/pool/worker_slot.h"

namespace hubgate::proxy {
namespace {

bool takes_clients(const Endpoint& endpoint) {
  return endpoint.slot() != nullptr && endpoint.is_available() && !endpoint.is_outgoing();
}

}  // namespace

Rebalancer::Rebalancer(event::Timers& timers, Log& log, Pool& pool)
    : timers_(timers), log_(log), pool_(pool), timer_(timers, [this] { look(); }) {}

std::vector<Rebalancer::Surplus> Rebalancer::surplus() const {
  std::vector<Surplus> all;
  double total = 0;
  double weights = 0;
  for (Endpoint* endpoint : pool_.endpoints()) {
    if (!takes_clients(*endpoint)) continue;
    all.push_back({endpoint, endpoint->active(), 0});
    total += static_cast<double>(endpoint->active());
    weights += endpoint->weight();
  }
  for (Surplus& one : all) {
    const auto fair = static_cast<std::uint64_t>(std::ceil(total * one.endpoint->weight() / weights));
    one.count = one.active > fair ? one.active - fair : 0;
  }
  std::erase_if(all, [](const Surplus& one) { return one.count == 0; });
  std::sort(all.begin(), all.end(), [](const Surplus& a, const Surplus& b) { return a.count > b.count; });
  return all;
}

std::vector<Rebalancer::Surplus> Rebalancer::even_out(Duration spread) {
  std::vector<Surplus> asked = surplus();
  for (const Surplus& one : asked) ask(one, one.count, spread);
  return asked;
}

void Rebalancer::ask(const Surplus& surplus, std::uint64_t count, Duration spread) {
  log_.info("worker lets clients go", {{"worker", surplus.endpoint->name()},
                                       {"connections", surplus.active},
                                       {"asked", count},
                                       {"seconds", std::chrono::duration_cast<std::chrono::seconds>(spread).count()}});
  surplus.endpoint->slot()->close_some(
      {.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX)),
       .seconds = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(spread).count())});
}

void Rebalancer::set_automatic(bool automatic) {
  if (!automatic) {
    timer_.cancel();
    uneven_since_.reset();
  } else if (!timer_.is_running()) {
    timer_.start(kLook);
  }
}

void Rebalancer::look() {
  timer_.start(kLook);
  const std::vector<Surplus> uneven = surplus();
  const bool any = !uneven.empty() && uneven.front().count >= kLeast &&
                   static_cast<double>(uneven.front().active) >
                       kUneven * static_cast<double>(uneven.front().active - uneven.front().count);
  if (!any) return uneven_since_.reset();
  const TimePoint now = timers_.now();
  if (!uneven_since_) uneven_since_ = now;
  if (now - *uneven_since_ < kPatience) return;
  ask(uneven.front(), std::min(uneven.front().count, kMostAtOnce), kPatience);
  uneven_since_ = now;
}

}  // namespace hubgate::proxy
