#include "common/event/fd_watcher.h"

#include <event2/event.h>

namespace hubgate::event {

FdWatcher::FdWatcher(Loop& loop, int fd, Direction direction, std::function<void()> on_ready)
    : on_ready_(std::move(on_ready)) {
  const short what = static_cast<short>((direction == Direction::kRead ? EV_READ : EV_WRITE) | EV_PERSIST);
  event_ = event_new(
      loop.base_, fd, what, [](evutil_socket_t, short, void* self) { static_cast<FdWatcher*>(self)->on_ready_(); },
      this);
}

FdWatcher::~FdWatcher() { event_free(event_); }

void FdWatcher::start() {
  if (watching_) return;
  watching_ = event_add(event_, nullptr) == 0;
}

void FdWatcher::stop() {
  if (!watching_) return;
  event_del(event_);
  watching_ = false;
}

}  // namespace hubgate::event
