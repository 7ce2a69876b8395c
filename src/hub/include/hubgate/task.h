#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

namespace hubgate {

template <class T = void>
class Task;
template <class T = void>
class TaskSource;

/// What awaits a Task whose source was dropped without an answer.
class AbandonedError : public std::runtime_error {
 public:
  AbandonedError() : std::runtime_error("the operation was abandoned") {}
};

/// Runs functions in one thread, in order per caller. Made by the library; post() may be called from any thread.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Drops the function when the thread's loop is over.
  virtual void post(std::function<void()> function) = 0;
  virtual bool is_own_thread() const = 0;

  /// The executor of the calling thread; null in threads that are not a hub's.
  static const std::shared_ptr<Executor>& current() { return current_; }
  /// Says which executor the calling thread is, until `Scope` ends.
  class Scope {
   public:
    explicit Scope(std::shared_ptr<Executor> executor) : before_(std::exchange(current_, std::move(executor))) {}
    ~Scope() { current_ = std::move(before_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::shared_ptr<Executor> before_;
  };

 private:
  inline static thread_local std::shared_ptr<Executor> current_;
};

namespace detail {

struct Nothing {};
template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, Nothing, T>;

/// What goes on when a task is done: a suspended coroutine, which it owns, or a function. Dropped unused, it destroys
/// the coroutine, and so all that waits for that one.
class Continuation {
 public:
  Continuation() = default;
  explicit Continuation(std::coroutine_handle<> handle) : handle_(handle) {}
  explicit Continuation(std::function<void()> function) : function_(std::move(function)) {}
  Continuation(Continuation&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), function_(std::exchange(other.function_, nullptr)) {}
  Continuation& operator=(Continuation&& other) noexcept {
    if (this != &other) {
      drop();
      handle_ = std::exchange(other.handle_, nullptr);
      function_ = std::exchange(other.function_, nullptr);
    }
    return *this;
  }
  ~Continuation() { drop(); }

  explicit operator bool() const { return handle_ != nullptr || function_ != nullptr; }
  /// Forgets the coroutine without destroying it.
  void release() { handle_ = nullptr; }
  void run() {
    if (const auto handle = std::exchange(handle_, nullptr)) {
      handle.resume();
    } else if (const auto function = std::exchange(function_, nullptr)) {
      function();
    }
  }

 private:
  void drop() {
    function_ = nullptr;
    if (const auto handle = std::exchange(handle_, nullptr)) handle.destroy();
  }
  std::coroutine_handle<> handle_;
  std::function<void()> function_;
};

/// What a Task and whoever completes it share.
template <class T>
class TaskState : public std::enable_shared_from_this<TaskState<T>> {
 public:
  /// Ends the task, once; later calls do nothing. Whoever waits goes on at once when `in_place` or when the waiting
  /// thread is no hub's, else from its own executor with an empty stack.
  void finish(std::variant<Stored<T>, std::exception_ptr> outcome, bool in_place) {
    Continuation next;
    std::shared_ptr<Executor> executor;
    {
      const std::lock_guard lock(mutex_);
      if (outcome_) return;
      outcome_ = std::move(outcome);
      next = std::move(next_);
      executor = std::move(executor_);
    }
    if (!next) return;
    if (in_place || executor == nullptr) {
      next.run();
    } else {
      // std::function wants to copy; the continuation has one owner, so it goes in a shared box.
      executor->post(
          [box = std::make_shared<Continuation>(std::move(next)), self = this->shared_from_this()] { box->run(); });
    }
  }

  bool is_done() const {
    const std::lock_guard lock(mutex_);
    return outcome_.has_value();
  }
  bool is_awaited() const {
    const std::lock_guard lock(mutex_);
    return awaited_;
  }

  /// False, and `next` is not kept, when the task is done already.
  bool set_next(Continuation& next) {
    const std::lock_guard lock(mutex_);
    awaited_ = true;
    if (outcome_) return false;
    next_ = std::move(next);
    executor_ = Executor::current();
    return true;
  }

  /// Takes the value or throws what was thrown; the task is done.
  T take() {
    auto outcome = [&] {
      const std::lock_guard lock(mutex_);
      awaited_ = true;
      return std::move(*outcome_);
    }();
    if (auto* failure = std::get_if<std::exception_ptr>(&outcome)) std::rethrow_exception(*failure);
    if constexpr (!std::is_void_v<T>) return std::move(*std::get_if<Stored<T>>(&outcome));
  }

  /// The coroutine that would have finished it is gone: nobody will hear.
  void abandon() {
    Continuation next;
    const std::lock_guard lock(mutex_);
    next = std::move(next_);
  }

 private:
  mutable std::mutex mutex_;  // a TaskSource completes from any thread
  std::optional<std::variant<Stored<T>, std::exception_ptr>> outcome_;
  Continuation next_;
  std::shared_ptr<Executor> executor_;
  bool awaited_ = false;
};

template <class T>
class Promise;

template <class T>
class PromiseBase {
 public:
  Task<T> get_return_object();
  std::suspend_never initial_suspend() noexcept { return {}; }
  auto final_suspend() noexcept {
    struct Last {
      bool await_ready() const noexcept { return false; }
      // The frame goes first, so that whoever goes on finds everything of ours gone; nothing of it is touched after.
      void await_suspend(std::coroutine_handle<Promise<T>> handle) noexcept {
        PromiseBase& promise = handle.promise();
        auto state = std::exchange(promise.state_, nullptr);
        auto outcome = std::move(promise.outcome_);
        handle.destroy();
        state->finish(std::move(outcome), true);
      }
      void await_resume() const noexcept {}
    };
    return Last{};
  }
  void unhandled_exception() { outcome_ = std::current_exception(); }
  ~PromiseBase() {
    if (state_ != nullptr) state_->abandon();
  }

 protected:
  std::shared_ptr<TaskState<T>> state_ = std::make_shared<TaskState<T>>();
  std::variant<Stored<T>, std::exception_ptr> outcome_{std::in_place_index<1>, nullptr};
};

template <class T>
class Promise : public PromiseBase<T> {
 public:
  template <class U>
  void return_value(U&& value) {
    this->outcome_.template emplace<0>(std::forward<U>(value));
  }
};
template <>
class Promise<void> : public PromiseBase<void> {
 public:
  void return_void() { this->outcome_.emplace<0>(); }
};

}  // namespace detail

/// The result of an asynchronous operation. The operation runs whether it is awaited or not. `co_await` goes on in the
/// thread that waits: in a hub's method that is the hub's loop. Awaited once. A Task made by done() or failed() needs
/// no memory of its own. As a coroutine's return type it starts the coroutine at once.
template <class T>
class Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  /// Already done.
  template <class U = T>
    requires(!std::is_void_v<U>)
  static Task done(U value) {
    Task task;
    task.ready_.template emplace<1>(std::move(value));
    return task;
  }
  static Task done()
    requires(std::is_void_v<T>)
  {
    return Task();
  }
  static Task failed(std::exception_ptr failure) {
    Task task;
    task.ready_.template emplace<2>(std::move(failure));
    return task;
  }

  /// For void: already done. For a value: moved from, not to be awaited.
  Task() {
    if constexpr (std::is_void_v<T>) ready_.template emplace<1>();
  }
  Task(Task&&) noexcept = default;
  Task& operator=(Task&&) noexcept = default;

  bool is_done() const { return state_ == nullptr || state_->is_done(); }
  /// The value, or throws what the operation threw. Only when is_done().
  T get() {
    if (state_ != nullptr) return state_->take();
    auto outcome = std::exchange(ready_, {});
    if (auto* failure = std::get_if<2>(&outcome)) std::rethrow_exception(*failure);
    if constexpr (!std::is_void_v<T>) return std::move(*std::get_if<1>(&outcome));
  }
  /// Calls `function` with the finished task when it is done, at once if it is. Instead of awaiting.
  void then(std::function<void(Task finished)> function) && {
    if (state_ == nullptr) return function(std::move(*this));
    // The state must not own itself: the function gets it from a weak pointer, and whoever finishes it keeps it
    // until the function has run.
    detail::Continuation next([weak = std::weak_ptr(state_), function] {
      if (auto state = weak.lock()) function(Task(std::move(state)));
    });
    if (!state_->set_next(next)) function(std::move(*this));
  }

  bool await_ready() const { return is_done(); }
  bool await_suspend(std::coroutine_handle<> handle) {
    detail::Continuation next(handle);
    if (state_->set_next(next)) return true;
    next.release();
    return false;
  }
  T await_resume() { return get(); }

 private:
  friend class detail::PromiseBase<T>;
  friend class TaskSource<T>;
  explicit Task(std::shared_ptr<detail::TaskState<T>> state) : state_(std::move(state)) {}

  std::shared_ptr<detail::TaskState<T>> state_;  // null: the outcome is in ready_
  std::variant<std::monostate, detail::Stored<T>, std::exception_ptr> ready_;
};

template <class T>
Task<T> detail::PromiseBase<T>::get_return_object() {
  return Task<T>(state_);
}

/// Makes a Task and completes it later, from any thread, as a callback of a database does. Copies share the task; when
/// the last is gone without an answer, the task fails with AbandonedError. The first answer counts.
template <class T>
class TaskSource {
 public:
  TaskSource() : last_(std::make_shared<Last>()) {}

  /// The task; to be taken once.
  Task<T> task() const { return Task<T>(last_->state); }

  template <class U = T>
    requires(!std::is_void_v<U>)
  void complete(U value) const {
    last_->state->finish(std::variant<detail::Stored<T>, std::exception_ptr>(std::in_place_index<0>, std::move(value)),
                         false);
  }
  void complete() const
    requires(std::is_void_v<T>)
  {
    last_->state->finish(std::variant<detail::Stored<T>, std::exception_ptr>(std::in_place_index<0>), false);
  }
  void fail(std::exception_ptr failure) const {
    last_->state->finish(
        std::variant<detail::Stored<T>, std::exception_ptr>(std::in_place_index<1>, std::move(failure)), false);
  }
  template <class E>
    requires(!std::is_same_v<std::remove_cvref_t<E>, std::exception_ptr>)
  void fail(E failure) const {
    fail(std::make_exception_ptr(std::move(failure)));
  }
  /// Somebody has awaited the task or looked at its outcome.
  bool is_awaited() const { return last_->state->is_awaited(); }

 private:
  struct Last {
    std::shared_ptr<detail::TaskState<T>> state = std::make_shared<detail::TaskState<T>>();
    ~Last() {
      if (state->is_done()) return;
      state->finish(std::variant<detail::Stored<T>, std::exception_ptr>(std::in_place_index<1>,
                                                                        std::make_exception_ptr(AbandonedError())),
                    false);
    }
  };
  std::shared_ptr<Last> last_;
};

}  // namespace hubgate
