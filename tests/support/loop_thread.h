#pragma once

#include <future>
#include <thread>
#include <type_traits>
#include <utility>

#include "common/event/loop.h"

namespace hubgate::test {

/// A loop that turns in a thread of its own until it is destroyed. What lives on the loop is made, used and destroyed
/// in ask(). No assertions in there: those of the test framework belong to one thread.
class LoopThread {
 public:
  LoopThread() {
    std::promise<event::Loop*> made;
    auto loop = made.get_future();
    thread_ = std::thread([&made] {
      event::Loop own;
      made.set_value(&own);
      own.run();
    });
    loop_ = loop.get();
  }
  ~LoopThread() {
    loop_->post([this] { loop_->stop(); });
    thread_.join();
  }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  /// Runs `job(loop)` in the loop's thread and waits for what it returns.
  template <class Job>
  auto ask(Job job) -> std::invoke_result_t<Job, event::Loop&> {
    using Answer = std::invoke_result_t<Job, event::Loop&>;
    std::promise<Answer> promise;
    auto answer = promise.get_future();
    loop_->post([&] {
      if constexpr (std::is_void_v<Answer>) {
        job(*loop_);
        promise.set_value();
      } else {
        promise.set_value(job(*loop_));
      }
    });
    return answer.get();
  }

 private:
  event::Loop* loop_ = nullptr;
  std::thread thread_;
};

}  // namespace hubgate::test
