#pragma once

#include <mutex>

#include <hubgate/task.h>

#include "common/event/loop.h"

namespace hubgate::hub {

/// The executor of a loop's thread. Tasks and HubContexts hold it and may outlive the loop: close() makes it deaf.
class LoopExecutor final : public Executor {
 public:
  /// Made in the loop's thread, or before that thread runs it.
  explicit LoopExecutor(event::Loop& loop) : loop_(&loop) {}

  void post(std::function<void()> function) override {
    {
      const std::lock_guard lock(mutex_);
      if (loop_ != nullptr) return loop_->post(std::move(function));
    }
    function = nullptr;  // dropped here, without the lock: what it holds may post again
  }
  bool is_own_thread() const override {
    const std::lock_guard lock(mutex_);
    return loop_ != nullptr && loop_->is_own_thread();
  }
  /// From now on post() drops. Before the loop is destroyed.
  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  mutable std::mutex mutex_;
  event::Loop* loop_;  // guarded by mutex_
};

}  // namespace hubgate::hub
