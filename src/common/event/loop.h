#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/descriptor.h"
#include "common/event/disposable.h"
#include "common/event/timers.h"

struct event_base;
struct event;

namespace hubgate::event {

class Loop;

/// A thing with output to be sent at the end of the turn. Ours: net::Connection.
class Flushable {
 public:
  virtual ~Flushable();
  Flushable(const Flushable&) = delete;
  Flushable& operator=(const Flushable&) = delete;

 protected:
  Flushable() = default;
  virtual void flush() = 0;

 private:
  friend class Loop;
  Loop* listed_in_ = nullptr;
  std::size_t place_ = 0;
};

/// One thread's turns: events, then what was posted, then the flush list, then disposals (architecture, "The loop").
/// Everything but post() and stop_from_any_thread() belongs to the thread that runs it.
class Loop final : public Timers {
 public:
  /// Aborts when the kernel gives no epoll instance or eventfd: nothing can run then.
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Turns until stop().
  void run();
  /// After the present turn run() returns.
  void stop() { stopped_ = true; }
  /// One turn. Waits for an event unless `wait` is false or there is something to do; for tests and run().
  void turn(bool wait);

  TimePoint now() const override { return std::chrono::steady_clock::now(); }

  /// Ends a thing: retire() now, destruction after this turn. Null is allowed.
  void dispose(std::unique_ptr<Disposable> thing);
  /// Keeps any value alive until after this turn.
  template <class T>
  void dispose_value(std::unique_ptr<T> thing) {
    if (thing) corpses_.push_back(std::shared_ptr<T>(std::move(thing)));
  }

  /// Runs `task` in the loop's thread, in order per caller. From any thread; dropped if the loop is gone first.
  void post(std::function<void()> task);
  /// Runs `task` in the next turn, without a system call. The loop's thread only.
  void run_later(std::function<void()> task) { later_.push_back(std::move(task)); }

  /// Puts a thing on the flush list; it is flushed once, at the end of this turn.
  void flush_later(Flushable& thing);

  /// The receive buffer that all connections of the loop share, 64 KiB with 64 bytes of readable padding behind it.
  /// Its content is valid until control returns to the loop.
  MutableBytes receive_buffer() { return {receive_buffer_.get(), kReceiveBufferSize}; }

  bool is_own_thread() const { return thread_ == std::this_thread::get_id(); }

  static constexpr std::size_t kReceiveBufferSize = 64 * 1024;  // bytes
  static constexpr std::size_t kReceiveBufferPadding = 64;      // bytes; what vectorised readers may touch

 private:
  friend class FdWatcher;
  friend class Signals;
  friend class Flushable;
  void earliest_changed() override;
  void run_posted();
  void flush_all();
  event_base* base_;
  ::event* timer_event_;
  ::event* wake_event_;
  Descriptor wake_fd_;
  std::optional<TimePoint> armed_for_;
  bool stopped_ = false;
  std::thread::id thread_ = std::this_thread::get_id();
  std::unique_ptr<std::byte[]> receive_buffer_;
  std::vector<Flushable*> flush_list_;
  std::vector<std::shared_ptr<void>> corpses_;
  std::vector<std::function<void()>> later_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
};

}  // namespace hubgate::event
