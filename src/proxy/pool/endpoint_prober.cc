#include "proxy/pool/endpoint_prober.h"

#include <algorithm>
#include <utility>

#include "proxy/pool/endpoint.h"

namespace hubgate::proxy {
namespace {

Duration part_of(Duration time, double share) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(time) * share);
}

}  // namespace

EndpointProber::EndpointProber(event::Loop& loop, event::Timers& timers, Random& random, Endpoint& endpoint,
                               const HealthConfig& config)
    : loop_(loop), timers_(timers), random_(random), endpoint_(endpoint), config_(config), timer_(timers, [this] {
        probe();
      }) {
  ask_soon(true);
}

EndpointProber::~EndpointProber() { loop_.dispose(std::move(probe_)); }

void EndpointProber::set_config(const HealthConfig& config) {
  if (config == config_) return;
  const bool is_other_question = config.path != config_.path || config.interval != config_.interval;
  config_ = config;
  if (is_other_question) ask_soon(false);
}

void EndpointProber::ask_soon(bool anew) {
  anew_ = anew_ || anew;
  // One that is under way asks the old question, or the old address.
  loop_.dispose(std::move(probe_));
  timer_.start(part_of(std::min<Duration>(config_.interval / 10, kSoon), random_.fraction()));
}

void EndpointProber::probe() {
  next_ = timers_.now() + part_of(config_.interval, 1 - kJitter + 2 * kJitter * random_.fraction());
  if (endpoint_.addresses().empty()) return timer_.start_at(next_);  // its name does not resolve: nobody to ask
  ++endpoint_.counters.probes;
  probe_ = std::make_unique<HealthProbe>(loop_, timers_, endpoint_,
                                         [this](Result<void> answer) { on_answer(std::move(answer)); });
  probe_->start(config_.path, config_.timeout);
}

void EndpointProber::on_answer(Result<void> answer) {
  loop_.dispose(std::move(probe_));
  timer_.start_at(std::max(timers_.now(), next_));
  judge(answer);
}

void EndpointProber::judge(const Result<void>& answer) {
  // Our own want of descriptors says nothing of the endpoint.
  if (!answer && answer.error().side == Side::kInternal) return;
  const bool good = answer.has_value();
  if (!good) ++endpoint_.counters.probe_failures;
  in_row_ = std::exchange(last_good_, good) == good ? in_row_ + 1 : 1;
  const std::uint32_t needed = std::exchange(anew_, false) ? 1 : good ? config_.rise : config_.fall;
  if (in_row_ < needed) return;
  if (good) {
    endpoint_.set_health(Endpoint::Health::kHealthy);
  } else {
    endpoint_.set_health(Endpoint::Health::kUnhealthy, answer.error().what);
  }
}

}  // namespace hubgate::proxy
