#include "common/event/signals.h"

#include <event2/event.h>

namespace hubgate::event {

Signals::Signals(Loop& loop, std::initializer_list<int> signals, std::function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)) {
  for (const int signal : signals) {
    ::event* watched = event_new(
        loop.base_, signal, EV_SIGNAL | EV_PERSIST,
        [](evutil_socket_t number, short, void* self) { static_cast<Signals*>(self)->on_signal_(number); }, this);
    event_add(watched, nullptr);
    events_.push_back(watched);
  }
}

Signals::~Signals() {
  for (::event* watched : events_) event_free(watched);
}

}  // namespace hubgate::event
