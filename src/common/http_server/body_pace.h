#pragma once

#include <cstdint>

#include "common/base/clock.h"
#include "common/http_server/server_limits.h"

namespace hubgate::http_server {

/// How fast a request's body comes, and until when more of it is due. Waits that are not the client's doing do not
/// count. A member of its connection; holds nothing.
class BodyPace {
 public:
  /// Bytes came.
  void heard(TimePoint now) { heard_ = now; }
  /// The client may send the body from the last heard() on.
  void begin() {
    begun_ = heard_;
    waited_ = {};
  }
  /// The body is not read for a while; resume() counts as heard().
  void pause(TimePoint now) { paused_ = now; }
  void resume(TimePoint now) {
    heard_ = now;
    waited_ += now - paused_;
  }

  /// When the body is late: nothing of it came for limits.body_idle, or fewer than limits.body_min_rate bytes a second
  /// after limits.body_grace. `bytes`: of it so far.
  TimePoint due(std::uint64_t bytes, const ServerLimits& limits) const;

 private:
  TimePoint heard_{};
  TimePoint begun_{};
  TimePoint paused_{};
  Duration waited_{};
};

}  // namespace hubgate::http_server
