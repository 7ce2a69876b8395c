#include "common/http_server/body_pace.h"

#include <algorithm>
#include <chrono>

namespace hubgate::http_server {

TimePoint BodyPace::due(std::uint64_t bytes, const ServerLimits& limits) const {
  const TimePoint idle = heard_ + limits.body_idle;
  if (limits.body_min_rate == 0) return idle;
  const double worth = static_cast<double>(bytes) / static_cast<double>(limits.body_min_rate);
  const auto earned = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(worth));
  return std::min(idle, begun_ + waited_ + limits.body_grace + earned);
}

}  // namespace hubgate::http_server
