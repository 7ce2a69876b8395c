#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>

#include "common/event/timer.h"
#include "hub/core/hub_lifetime_manager.h"

namespace hubgate::hub {

/// Operations that wait for another server's ack. Each is told its end once: the ack (no error), kTimeout, or what
/// fail_all() says. Ids count from 1, as 32-bit numbers; none is used again while it waits.
class AckHandler {
 public:
  explicit AckHandler(event::Timers& timers, Duration timeout = std::chrono::seconds(30));

  /// The id to send.
  std::int32_t create(Done done);
  /// Unknown and late ids are ignored.
  void acknowledge(std::int32_t id);
  /// Ends one with an error, if it still waits.
  void fail(std::int32_t id, const Error& error);
  void fail_all(const Error& error);
  std::size_t waiting() const { return waiting_.size(); }

 private:
  void finish(std::int32_t id, const Result<void>& result);
  void on_timer();

  Duration timeout_;
  std::int32_t last_id_ = 0;
  std::unordered_map<std::int32_t, Done> waiting_;
  std::deque<std::pair<TimePoint, std::int32_t>> deadlines_;  // in order; of acknowledged ones too, until they come up
  event::Timers& timers_;
  event::Timer timer_;
};

}  // namespace hubgate::hub
