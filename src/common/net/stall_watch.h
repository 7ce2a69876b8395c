#pragma once

#include <cstdint>
#include <utility>

#include "common/base/clock.h"
#include "common/net/connection.h"

namespace hubgate::net {

/// Whether a peer takes what waits for it, asked now and then by the owner of its connection. A member; holds nothing.
class StallWatch {
 public:
  /// Something waits from now on.
  void begin(const Connection& connection, TimePoint now) {
    progress_ = connection.progress();
    since_ = now;
  }
  /// True when the peer has taken nothing for `limit`, by the looks since begin().
  bool is_stalled(const Connection& connection, TimePoint now, Duration limit) {
    const std::uint64_t progress = connection.progress();
    if (std::exchange(progress_, progress) != progress) since_ = now;
    return now - since_ >= limit;
  }

 private:
  std::uint64_t progress_ = 0;  // as last seen
  TimePoint since_{};           // when it was another last
};

}  // namespace hubgate::net
