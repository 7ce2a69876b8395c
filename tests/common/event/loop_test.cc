#include "common/event/loop.h"

#include <sys/socket.h>
#include <csignal>
#include <string>
#include <thread>

#include "common/event/fd_watcher.h"
#include "common/event/signals.h"
#include "common/event/timer.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace std::chrono_literals;

namespace {
struct Pair {
  Pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    a.reset(fds[0]);
    b.reset(fds[1]);
  }
  Descriptor a, b;
};

struct Thing final : event::Disposable {
  explicit Thing(std::string& story) : story(story) {}
  ~Thing() override { story += "destroyed "; }
  void retire() override { story += "retired "; }
  std::string& story;
};

struct Output final : event::Flushable {
  Output(event::Loop& loop, std::string& story, char name) : loop(loop), story(story), name(name) {}
  void write() { loop.flush_later(*this); }
  void flush() override {
    story += name;
    if (then != nullptr) then->write();
  }
  event::Loop& loop;
  std::string& story;
  char name;
  Output* then = nullptr;
};
}  // namespace

TEST_CASE("a disposed thing is silent at once and destroyed after the turn", "[event]") {
  event::Loop loop;
  std::string story;
  loop.run_later([&] {
    loop.dispose(std::make_unique<Thing>(story));
    story += "still-in-turn ";
  });
  loop.turn(false);
  CHECK(story == "retired still-in-turn destroyed ");
}

TEST_CASE("output is flushed once at the end of the turn, also what a flush adds", "[event]") {
  event::Loop loop;
  std::string story;
  Output a(loop, story, 'a');
  Output b(loop, story, 'b');
  a.then = &b;
  {
    Output gone(loop, story, 'g');
    gone.write();
  }
  a.write();
  a.write();
  loop.turn(false);
  CHECK(story == "ab");
}

TEST_CASE("what other threads post runs in the loop's thread, in order", "[event]") {
  event::Loop loop;
  std::vector<int> seen;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      loop.post([&, i] {
        seen.push_back(i);
        if (i == 99) loop.stop();
      });
    }
  });
  loop.run();
  other.join();
  REQUIRE(seen.size() == 100);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("a watcher calls while its descriptor is readable and not after stop", "[event]") {
  event::Loop loop;
  Pair pair;
  int calls = 0;
  event::FdWatcher watcher(loop, pair.a.get(), event::FdWatcher::Direction::kRead, [&] { ++calls; });
  watcher.start();
  loop.turn(false);
  CHECK(calls == 0);
  REQUIRE(::write(pair.b.get(), "x", 1) == 1);
  loop.turn(true);
  loop.turn(true);
  CHECK(calls == 2);  // nobody read it
  watcher.stop();
  loop.turn(false);
  CHECK(calls == 2);
}

TEST_CASE("an event already pending does not reach a disposed owner", "[event]") {
  // Two watchers become ready in one turn; the first that runs disposes of both owners.
  struct Owner final : event::Disposable {
    Owner(event::Loop& loop, int fd, std::function<void()> on_ready)
        : watcher(loop, fd, event::FdWatcher::Direction::kRead, std::move(on_ready)) {
      watcher.start();
    }
    void retire() override { watcher.stop(); }
    event::FdWatcher watcher;
  };
  event::Loop loop;
  Pair one;
  Pair two;
  int calls = 0;
  std::unique_ptr<Owner> first;
  std::unique_ptr<Owner> second;
  const auto on_ready = [&] {
    ++calls;
    loop.dispose(std::move(first));
    loop.dispose(std::move(second));
  };
  first = std::make_unique<Owner>(loop, one.a.get(), on_ready);
  second = std::make_unique<Owner>(loop, two.a.get(), on_ready);
  REQUIRE(::write(one.b.get(), "x", 1) == 1);
  REQUIRE(::write(two.b.get(), "x", 1) == 1);
  loop.turn(true);
  loop.turn(false);
  CHECK(calls == 1);
}

TEST_CASE("the loop's timers fire and a short one wakes it from a long wait", "[event]") {
  event::Loop loop;
  std::string order;
  event::Timer far(loop, [&] { order += 'f'; });
  event::Timer near(loop, [&] {
    order += 'n';
    loop.stop();
  });
  far.start(1h);
  near.start(1ms);
  loop.run();
  CHECK(order == "n");
}

TEST_CASE("signals arrive as events", "[event]") {
  event::Loop loop;
  int got = 0;
  event::Signals signals(loop, {SIGUSR2}, [&](int signal) {
    got = signal;
    loop.stop();
  });
  ::raise(SIGUSR2);
  loop.run();
  CHECK(got == SIGUSR2);
}
