#include "proxy/pool/host_watch.h"

#include <algorithm>
#include <utility>

namespace hubgate::proxy {

HostWatch::HostWatch(event::Loop& loop, event::Timers& timers, Random& random, LookUp look_up, std::string host,
                     std::uint16_t port, OnChange on_change)
    : loop_(loop),
      random_(random),
      look_up_(std::move(look_up)),
      host_(std::move(host)),
      port_(port),
      on_change_(std::move(on_change)),
      timer_(timers, [this] { ask(); }) {
  ask();
}

void HostWatch::ask() {
  auto answered = [this, alive = std::weak_ptr(alive_)](Result<net::Resolver::Found> found) {
    if (!alive.expired()) on_found(std::move(found));
  };
  if (look_up_) return look_up_(host_, port_, std::move(answered));
  resolver_ = std::make_unique<net::Resolver>(loop_);
  resolver_->look_up(host_, port_, std::move(answered));
}

void HostWatch::on_found(Result<net::Resolver::Found> found) {
  loop_.dispose_value(std::move(resolver_));  // it is calling us
  const Duration wait = found ? std::clamp<Duration>(found->ttl, kLeast, kMost) : kRetry;
  timer_.start(std::chrono::duration_cast<Duration>(wait * (1 + kJitter * random_.fraction())));
  if (!found) {
    if (!std::exchange(failed_, true)) on_change_(std::move(found).error());
    return;
  }
  std::vector<net::Address> addresses = std::move(found->addresses);
  addresses.resize(std::min(addresses.size(), kMostAddresses));
  std::vector<std::string> texts;
  for (const net::Address& address : addresses) texts.push_back(address.to_string());
  std::sort(texts.begin(), texts.end());
  const bool recovered = std::exchange(failed_, false);
  if (!recovered && texts == known_) return;
  known_ = std::move(texts);
  on_change_(std::move(addresses));
}

}  // namespace hubgate::proxy
