#include "common/event/loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>

#include <cassert>
#include <cstdlib>

namespace hubgate::event {

Flushable::~Flushable() {
  if (listed_in_ != nullptr) listed_in_->flush_list_[place_] = nullptr;
}

Loop::Loop() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // One thread, so no locks; level triggered and no changelist (measured: no gain, and descriptors that are handed
  // over must leave epoll at once).
  event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  if (base_ == nullptr || !wake_fd_.is_open()) std::abort();
  receive_buffer_ = std::make_unique<std::byte[]>(kReceiveBufferSize + kReceiveBufferPadding);
  timer_event_ = event_new(
      base_, -1, 0,
      [](evutil_socket_t, short, void* self) {
        auto& loop = *static_cast<Loop*>(self);
        loop.armed_for_.reset();
        loop.run_due(loop.now());
        loop.earliest_changed();
      },
      this);
  wake_event_ = event_new(
      base_, wake_fd_.get(), EV_READ | EV_PERSIST,
      [](evutil_socket_t fd, short, void*) {
        eventfd_t ignored = 0;
        eventfd_read(fd, &ignored);  // the tasks themselves run after the turn's events
      },
      this);
  event_add(wake_event_, nullptr);
}

Loop::~Loop() {
  corpses_.clear();
  event_free(timer_event_);
  event_free(wake_event_);
  event_base_free(base_);
}

void Loop::run() {
  stopped_ = false;
  thread_ = std::this_thread::get_id();
  while (!stopped_) turn(true);
}

void Loop::turn(bool wait) {
  assert(is_own_thread());
  int flags = EVLOOP_ONCE;
  if (!wait || !later_.empty() || !flush_list_.empty()) flags |= EVLOOP_NONBLOCK;
  event_base_loop(base_, flags);
  run_posted();
  flush_all();
  // A destructor may dispose of more.
  while (!corpses_.empty()) {
    std::vector<std::shared_ptr<void>> dying;
    dying.swap(corpses_);
  }
}

void Loop::dispose(std::unique_ptr<Disposable> thing) {
  if (!thing) return;
  Disposable& retiring = *thing;
  corpses_.push_back(std::shared_ptr<Disposable>(std::move(thing)));
  retiring.retire();
}

void Loop::post(std::function<void()> task) {
  bool first = false;
  {
    const std::lock_guard lock(posted_mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (first) eventfd_write(wake_fd_.get(), 1);
}

void Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  tasks.swap(later_);
  for (auto& task : tasks) task();
  tasks.clear();
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void Loop::flush_later(Flushable& thing) {
  if (thing.listed_in_ != nullptr) return;
  thing.listed_in_ = this;
  thing.place_ = flush_list_.size();
  flush_list_.push_back(&thing);
}

void Loop::flush_all() {
  // A flush may report an error whose handler writes to others: those join the list and are flushed too.
  for (std::size_t i = 0; i < flush_list_.size(); ++i) {
    Flushable* thing = flush_list_[i];
    if (thing == nullptr) continue;
    thing->listed_in_ = nullptr;
    flush_list_[i] = nullptr;
    thing->flush();
  }
  flush_list_.clear();
}

void Loop::earliest_changed() {
  const std::optional<TimePoint> next = earliest();
  if (!next) {
    // An armed event with nothing due costs one wake-up; taking it out costs a call each time a timer is restarted.
    return;
  }
  if (armed_for_ && *armed_for_ <= *next) return;
  const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(*next - now());
  timeval time{};
  if (wait.count() > 0) {
    time.tv_sec = static_cast<time_t>(wait.count() / 1'000'000);
    time.tv_usec = static_cast<suseconds_t>(wait.count() % 1'000'000) + 1;  // never early by rounding down
  }
  event_add(timer_event_, &time);
  armed_for_ = next;
}

}  // namespace hubgate::event
