#pragma once

#include <functional>
#include <initializer_list>
#include <vector>

#include "common/event/loop.h"

namespace hubgate::event {

/// Delivers Unix signals as events of one loop. One per process: the kernel's handlers are process-wide.
class Signals {
 public:
  Signals(Loop& loop, std::initializer_list<int> signals, std::function<void(int signal)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  std::function<void(int)> on_signal_;
  std::vector<::event*> events_;
};

}  // namespace hubgate::event
