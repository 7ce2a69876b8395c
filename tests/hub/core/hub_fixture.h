#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hubgate/hub_server.h>

#include "common/event/loop.h"
#include "hub/core/hub_connection_handler.h"
#include "hub/core/hub_dispatcher.h"
#include "hub/core/loop_executor.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_lifetime.h"
#include "tests/support/memory_log.h"
#include "tests/support/test_client.h"
#include "tests/support/turn_until.h"

namespace hubgate::test {

/// All that one hub needs, without sockets: time is the test's, the loop is turned by hand. `H` is made with `make`.
template <class H>
class HubFixture {
 public:
  explicit HubFixture(HubOptions options = {}, std::function<std::unique_ptr<Hub>()> make = nullptr,
                      hub::HubDispatcher::UserId user_id = nullptr)
      : methods_(methods_of()),
        dispatcher_(methods_, make != nullptr ? std::move(make) : default_make(), options, std::move(user_id), lifetime,
                    *log),
        handler({loop, timers, *log, dispatcher_, lifetime}, options,
                {hub::find_standard_protocol("json"), hub::find_standard_protocol("messagepack")}) {}
  ~HubFixture() { executor_->close(); }

  const hub::HubDispatcher::Counters& call_counters() const { return dispatcher_.counters(); }
  /// Runs what waits for an empty stack.
  void settle() { turn_until_idle(loop); }
  /// Moves time, a heartbeat at a time, and settles.
  void advance(std::chrono::milliseconds by) {
    settle();
    timers.advance(by);
    settle();
  }

  event::Loop loop;
  ManualTimers timers;
  MemoryLog log;
  MemoryLifetime lifetime;

 private:
  static std::vector<detail::NamedMethod> methods_of() {
    HubMethods<H> methods;
    H::map(methods);
    return methods.take();
  }
  static std::function<std::unique_ptr<Hub>()> default_make() {
    if constexpr (std::is_default_constructible_v<H>) {
      return [] { return std::make_unique<H>(); };
    } else {
      return nullptr;
    }
  }
  const std::shared_ptr<hub::LoopExecutor> executor_ = std::make_shared<hub::LoopExecutor>(loop);
  const Executor::Scope scope_{executor_};
  const hub::HubMethodTable methods_;
  hub::HubDispatcher dispatcher_;

 public:
  hub::HubConnectionHandler handler;
};

}  // namespace hubgate::test
