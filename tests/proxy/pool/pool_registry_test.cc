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
  const PoolRegistry::Applied applied = f.registry.apply(f.config);
  CHECK(applied.added == std::vector<std::string>{"web", "main"});
  CHECK(applied.needs_restart.empty());
  REQUIRE(f.registry.find("web") != nullptr);
  CHECK(f.registry.find("web")->endpoints().size() == 2);
  CHECK(f.registry.find("web")->has_ready_endpoint());
  REQUIRE(f.registry.find("main") != nullptr);
  CHECK(f.registry.find("main")->endpoints().empty());
  CHECK(f.registry.find("other") == nullptr);
  CHECK_FALSE(f.registry.all_ready());
}

TEST_CASE("a later configuration leaves living pools alone, gives new limits and names what needs a restart",
          "[proxy][pool]") {
  Fixture f;
  static_cast<void>(f.registry.apply(f.config));
  Endpoint* const endpoint = f.registry.find("web")->endpoints()[0];
  ++endpoint->counters.requests;

  f.config.limits.queue_wait = milliseconds(1000);
  CHECK(f.registry.apply(f.config).needs_restart.empty());
  CHECK(f.registry.find("web")->limits().queue_wait == milliseconds(1000));
  CHECK(f.registry.find("web")->endpoints()[0] == endpoint);
  CHECK(endpoint->counters.requests == 1);

  f.config.pools[0].endpoints.pop_back();
  f.config.pools[1].name = "renamed";
  const PoolRegistry::Applied applied = f.registry.apply(f.config);
  CHECK(applied.added.empty());
  CHECK(applied.needs_restart == std::vector<std::string>{"web", "renamed", "main"});
  CHECK(f.registry.find("web")->endpoints().size() == 2);
}
