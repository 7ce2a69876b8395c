#include <hubgate/task.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

namespace hubgate {
namespace {

/// An executor whose functions run when the test says so.
class HeldExecutor final : public Executor {
 public:
  void post(std::function<void()> function) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
  }
  bool is_own_thread() const override { return thread_ == std::this_thread::get_id(); }
  std::size_t run_all() {
    std::size_t count = 0;
    for (;; ++count) {
      std::function<void()> function;
      {
        const std::lock_guard lock(mutex_);
        if (posted_.empty()) return count;
        function = std::move(posted_.front());
        posted_.pop_front();
      }
      function();
    }
  }
  void drop_all() {
    const std::lock_guard lock(mutex_);
    posted_.clear();
  }

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  const std::thread::id thread_ = std::this_thread::get_id();
};

Task<int> twice(Task<int> task) { co_return 2 * co_await task; }
Task<> note(Task<int> task, std::vector<int>& notes) { notes.push_back(co_await task); }
Task<int> throwing(Task<> before) {
  co_await before;
  throw std::runtime_error("no");
}

/// Tells when it is destroyed.
struct Witness {
  explicit Witness(bool& gone) : gone(gone) {}
  ~Witness() { gone = true; }
  bool& gone;
};
Task<> waiting(Task<> task, std::unique_ptr<Witness> witness) {
  co_await task;
  static_cast<void>(witness);
}

TEST_CASE("a finished task gives its value without waiting", "[hub][task]") {
  Task<int> task = twice(Task<int>::done(21));
  REQUIRE(task.is_done());
  CHECK(task.get() == 42);
}

TEST_CASE("a task that fails throws where it is awaited", "[hub][task]") {
  const TaskSource<> source;
  Task<int> task = throwing(source.task());
  CHECK_FALSE(task.is_done());
  source.complete();
  REQUIRE(task.is_done());
  CHECK_THROWS_AS(task.get(), std::runtime_error);
}

TEST_CASE("a coroutine goes on when its source is completed, through the executor of the thread that waits",
          "[hub][task]") {
  const auto executor = std::make_shared<HeldExecutor>();
  const Executor::Scope scope(executor);
  const TaskSource<int> source;
  std::vector<int> notes;
  const Task<> task = note(twice(source.task()), notes);
  source.complete(4);
  CHECK(notes.empty());  // never out of complete()
  CHECK(executor->run_all() == 1);
  CHECK(notes == std::vector<int>{8});
  CHECK(task.is_done());
}

TEST_CASE("a source may be completed from another thread", "[hub][task][threads]") {
  const auto executor = std::make_shared<HeldExecutor>();
  const Executor::Scope scope(executor);
  std::vector<int> notes;
  std::vector<std::thread> threads;
  std::vector<Task<>> tasks;
  for (int i = 0; i < 8; ++i) {
    const TaskSource<int> source;
    tasks.push_back(note(source.task(), notes));
    threads.emplace_back([source, i] { source.complete(i); });
  }
  for (auto& thread : threads) thread.join();
  executor->run_all();
  CHECK(notes.size() == 8);
  for (const auto& task : tasks) CHECK(task.is_done());
}

TEST_CASE("a source that is dropped without an answer fails its task", "[hub][task]") {
  Task<int> task;
  {
    const TaskSource<int> source;
    task = source.task();
  }
  REQUIRE(task.is_done());
  CHECK_THROWS_AS(task.get(), AbandonedError);
}

TEST_CASE("only the first answer counts", "[hub][task]") {
  const TaskSource<int> source;
  source.complete(1);
  source.complete(2);
  source.fail(std::runtime_error("late"));
  CHECK(source.task().get() == 1);
}

TEST_CASE("then() hears of a task that is done and of one that is not", "[hub][task]") {
  std::vector<int> heard;
  Task<int>::done(1).then([&](Task<int> task) { heard.push_back(task.get()); });
  CHECK(heard == std::vector<int>{1});
  const TaskSource<int> source;
  twice(source.task()).then([&](Task<int> task) { heard.push_back(task.get()); });
  CHECK(heard.size() == 1);
  source.complete(5);
  CHECK(heard == std::vector<int>{1, 10});
}

TEST_CASE("then() hears of a source's task even when the source is gone before its turn", "[hub][task]") {
  const auto executor = std::make_shared<HeldExecutor>();
  const Executor::Scope scope(executor);
  std::vector<int> heard;
  {
    const TaskSource<int> source;
    source.task().then([&](Task<int> task) { heard.push_back(task.get()); });
    source.complete(3);
  }
  executor->run_all();
  CHECK(heard == std::vector<int>{3});
}

TEST_CASE("a coroutine that can never go on is destroyed with what it holds", "[hub][task]") {
  const auto executor = std::make_shared<HeldExecutor>();
  bool gone = false;
  {
    const Executor::Scope scope(executor);
    const TaskSource<> source;
    Task<> task = waiting(source.task(), std::make_unique<Witness>(gone));
    source.complete();
    CHECK_FALSE(gone);
  }
  executor->drop_all();  // as a server does that ends
  CHECK(gone);
}

TEST_CASE("a task that is dropped still runs to its end", "[hub][task]") {
  bool gone = false;
  const TaskSource<> source;
  {
    const Task<> dropped = waiting(source.task(), std::make_unique<Witness>(gone));
  }
  CHECK_FALSE(gone);
  source.complete();
  CHECK(gone);
}

}  // namespace
}  // namespace hubgate
