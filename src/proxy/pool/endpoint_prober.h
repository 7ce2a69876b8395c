#pragma once

#include <cstdint>
#include <memory>

#include "common/base/random.h"
#include "common/event/timer.h"
#include "proxy/config/proxy_config.h"
#include "proxy/pool/health_probe.h"

namespace hubgate::proxy {

/// Asks a remote endpoint again and again whether it is healthy, one probe at a time, and tells the endpoint what that
/// makes it.
///
/// An endpoint begins as unknown and may be used at once: a gateway that starts does not make its first clients wait
/// for an answer that is nearly always yes. Of an unknown one the first answer decides, either way: nothing speaks
/// against it, no session is bound to it yet, and an address that is wrong shows at once instead of after `fall`
/// intervals. From then on it takes `fall` failures in a row to make it unhealthy, so that a blip does not, and `rise`
/// successes in a row to make it healthy again.
class EndpointProber {
 public:
  static constexpr double kJitter = 0.2;  // of the interval, both ways: many of them do not beat in step
  static constexpr Duration kSoon = std::chrono::milliseconds(200);  // within which, or a tenth of the interval

  /// Begins to ask. `timers` is the loop in programs. The endpoint must outlive it.
  EndpointProber(event::Loop& loop, event::Timers& timers, Random& random, Endpoint& endpoint,
                 const HealthConfig& config);
  ~EndpointProber();
  EndpointProber(const EndpointProber&) = delete;
  EndpointProber& operator=(const EndpointProber&) = delete;

  /// A reload's. What is known of the endpoint stays; where the question is another, it is asked soon.
  void set_config(const HealthConfig& config);
  /// Its addresses are others: it is asked soon. `anew`: the first answer decides, as of an unknown one.
  void ask_soon(bool anew);

 private:
  void probe();
  void on_answer(Result<void> answer);
  void judge(const Result<void>& answer);

  event::Loop& loop_;
  event::Timers& timers_;
  Random& random_;
  Endpoint& endpoint_;
  HealthConfig config_;
  std::unique_ptr<HealthProbe> probe_;  // while one is under way
  TimePoint next_{};
  event::Timer timer_;
  std::uint32_t in_row_ = 0;  // answers that were like the last one
  bool last_good_ = false;
  bool anew_ = true;
};

}  // namespace hubgate::proxy
