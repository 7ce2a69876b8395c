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

TEST_CASE("the first configuration makes every pool, with the endpoints that it names", "[proxy][pool]") {
  Fixture f;
  f.registry.apply(f.config);
  REQUIRE(f.registry.find("web") != nullptr);
  CHECK(f.registry.find("web")->endpoints().size() == 2);
  CHECK(f.registry.find("web")->has_ready_endpoint());
  REQUIRE(f.registry.find("main") != nullptr);
  CHECK(f.registry.find("main")->endpoints().empty());
  CHECK(f.registry.find("other") == nullptr);
  CHECK_FALSE(f.registry.all_ready());
}

TEST_CASE("a later configuration changes living pools and leaves what it does not name alone", "[proxy][pool]") {
  Fixture f;
  f.registry.apply(f.config);
  Pool& web = *f.registry.find("web");
  Endpoint* const endpoint = web.endpoints()[0];
  ++endpoint->counters.requests;
  EndpointLease lease(*web.endpoints()[1], EndpointLease::Kind::kTunnel);

  f.config.limits.queue_wait = milliseconds(1000);
  f.config.pools[0].endpoints = {"127.0.0.1:9000", "127.0.0.1:9001"};
  f.config.pools[0].balance = BalancePolicy::kRoundRobin;
  f.registry.apply(f.config);
  CHECK(&web == f.registry.find("web"));
  CHECK(web.limits().queue_wait == milliseconds(1000));
  CHECK(web.config().balance == BalancePolicy::kRoundRobin);
  REQUIRE(web.endpoints().size() == 2);
  CHECK(web.endpoints()[0] == endpoint);
  CHECK(endpoint->counters.requests == 1);
  CHECK(web.endpoints()[1]->name() == "127.0.0.1:9001");
  CHECK(lease->life() == Endpoint::Life::kRemoved);  // and lives until the tunnel ends
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
  CHECK(web->endpoints().empty());
  f.config.pools.push_back(removed);
  f.registry.apply(f.config);
  CHECK(f.registry.find("web") == web);
  CHECK(web->endpoints().size() == 2);
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
  pool.add({.name = "x", .key = {7, 0}}, *net::Address::parse("127.0.0.1:1"));
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
  CHECK(f.registry.all_ready());
  f.config.pools.push_back({.name = "late", .command = {"worker"}});
  f.registry.apply(f.config);
  CHECK(f.registry.all_ready());
  // Ready, and then not.
  Pool& late = *f.registry.find("late");
  Endpoint& endpoint = late.add({.name = "x", .key = {7, 0}}, *net::Address::parse("127.0.0.1:1"));
  CHECK(f.registry.all_ready());
  late.remove(endpoint);
  CHECK_FALSE(f.registry.all_ready());
}
