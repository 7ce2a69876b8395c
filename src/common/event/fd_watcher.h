#pragma once

#include <functional>

#include "common/event/loop.h"

namespace hubgate::event {

/// Calls back, level triggered, while a descriptor that it does not own is ready in one direction. It is its
/// registration: stop() or destruction takes the descriptor out of epoll at once, which must happen before the
/// descriptor is closed or given away.
class FdWatcher {
 public:
  enum class Direction { kRead, kWrite };

  FdWatcher(Loop& loop, int fd, Direction direction, std::function<void()> on_ready);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  /// Both may be called in any state.
  void start();
  void stop();
  bool is_watching() const { return watching_; }

 private:
  std::function<void()> on_ready_;
  ::event* event_;
  bool watching_ = false;
};

}  // namespace hubgate::event
