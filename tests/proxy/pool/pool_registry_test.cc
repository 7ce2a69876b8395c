#include "proxy/pool/pool_registry.h"

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"

using namespace hubgate;
using namespace hubgate::proxy;

namespace {

struct Fixture {
  Fixture() {
    PoolConfig pool;
    pool.name = "web";
    pool.endpoints = {"127.0.0.1:9000", "unix:/run/app.sock"};
    config.pools.push_back(pool);
    PoolConfig local;
    local.name = "main";
    local.command = {"hubgate-worker"};
    config.pools.push_back(local);
  }
  event::Loop loop;
  test::ManualTimers timers;
  test::MemoryLog log;
  ProxyConfig config;
  PoolRegistry registry{loop, timers, *log};
};

}  // namespace

TEST_CASE("the first configuration makes every pool", "[proxy][pool]") {
  Fixture f;
  f.registry.apply(f.config);
  REQUIRE(f.registry.find("web") != nullptr);
  REQUIRE(f.registry.find("main") != nullptr);
  CHECK(f.registry.find("other") == nullptr);
  CHECK_FALSE(f.registry.all_ready());  // whoever has endpoints adds them
}

TEST_CASE("a later configuration changes living pools", "[proxy][pool]") {
  Fixture f;
  f.registry.apply(f.config);
  Pool& web = *f.registry.find("web");
  f.config.limits.queue_wait = milliseconds(1000);
  f.config.pools[0].balance = BalancePolicy::kRoundRobin;
  f.registry.apply(f.config);
  CHECK(&web == f.registry.find("web"));
  CHECK(web.limits().queue_wait == milliseconds(1000));
  CHECK(web.config().balance == BalancePolicy::kRoundRobin);
}

TEST_CASE("a pool that is gone from the configuration is found no more, and may come back", "[proxy][pool]") {
  Fixture f;
  f.registry.apply(f.config);
  Pool* const web = f.registry.find("web");
  const PoolConfig removed = f.config.pools[0];
  f.config.pools.erase(f.config.pools.begin());
  f.registry.apply(f.config);
  CHECK(f.registry.find("web") == nullptr);
  CHECK(web->is_retired());
  f.config.pools.push_back(removed);
  f.registry.apply(f.config);
  CHECK(f.registry.find("web") == web);
}

TEST_CASE("it is crowded when those who wait and those who may soon would not fit in a queue", "[proxy][pool]") {
  struct Waiter final : PoolWaiter {
    bool on_endpoint_change() override { return false; }
  };
  Fixture f;
  f.config.pools.erase(f.config.pools.begin());
  f.registry.apply(f.config);
  Pool& pool = *f.registry.find("main");
  CHECK_FALSE(f.registry.is_crowded(10'000));  // nobody is there yet
  pool.add({.name = "x", .key = {7, 0}}, {*net::Address::parse("127.0.0.1:1")});
  const std::size_t crowd = f.config.limits.queue_length / 4 * 3;
  CHECK_FALSE(f.registry.is_crowded(crowd - 1));
  CHECK(f.registry.is_crowded(crowd));
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 0; i < 10; ++i) {
    waiters.push_back(std::make_unique<Waiter>());
    REQUIRE(pool.wait(*waiters.back(), false));
  }
  CHECK_FALSE(f.registry.is_crowded(crowd - 11));
  CHECK(f.registry.is_crowded(crowd - 10));
  // A short queue is meant to say no soon.
  f.config.limits.queue_length = 4;
  f.registry.apply(f.config);
  CHECK_FALSE(f.registry.is_crowded(100));
  f.config.limits.queue_length = 8192;
  f.registry.apply(f.config);
  pool.remove(*pool.endpoints()[0]);
  CHECK_FALSE(f.registry.is_crowded(crowd));
}

TEST_CASE("a pool that comes with a reload does not make the gateway unready before it was ready once",
          "[proxy][pool]") {
  Fixture f;
  f.config.pools.pop_back();
  f.registry.apply(f.config);
  f.registry.find("web")->add({.name = "x", .key = {6, 0}}, {*net::Address::parse("127.0.0.1:1")});
  CHECK(f.registry.all_ready());
  f.config.pools.push_back({.name = "late", .command = {"worker"}});
  f.registry.apply(f.config);
  CHECK(f.registry.all_ready());
  // Ready, and then not.
  Pool& late = *f.registry.find("late");
  Endpoint& endpoint = late.add({.name = "x", .key = {7, 0}}, {*net::Address::parse("127.0.0.1:1")});
  CHECK(f.registry.all_ready());
  late.remove(endpoint);
  CHECK_FALSE(f.registry.all_ready());
}
