#include "proxy/pool/remote_registry.h"

#include "tests/support/catch.h"
#include "tests/support/fake_upstream.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/turn_until.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  Fixture() {
    PoolConfig pool;
    pool.name = "web";
    pool.endpoints = {"127.0.0.1:1", "unix:/run/app.sock"};
    config.pools.push_back(pool);
    PoolConfig local;
    local.name = "main";
    local.command = {"hubgate-worker"};
    config.pools.push_back(local);
  }
  void apply() {
    pools.apply(config);
    remotes.apply();
  }
  // Answers what was asked for a name.
  void resolve(const std::string& host, std::vector<net::Address> addresses) {
    std::exchange(questions[host], nullptr)(net::Resolver::Found{std::move(addresses), 60s});
  }
  void fail(const std::string& host) {
    std::exchange(questions[host],
                  nullptr)(make_error(ErrorCode::kNotFound, "cannot resolve " + host, Side::kUpstream));
  }
  // Lets time pass until the name is asked for again.
  void until_asked(const std::string& host) {
    while (!questions[host]) advance(100ms);
  }
  void advance(Duration by) {
    timers.advance(by);
    for (int i = 0; i < 6; ++i) {
      loop.turn(false);
      server.turn();
    }
  }
  Pool& web() { return *pools.find("web"); }
  Affinity verdict(const EndpointKey& key) const {
    return affinity.find(AffinityTag::make(affinity.keys().ring().front(), key)).affinity;
  }

  event::Loop loop;
  ManualTimers timers;
  MemoryLog log;
  SeededRandom random{1};
  ProxyConfig config;
  AffinityTable affinity{AffinityKeys({AffinityKeys::Key{.id = 1, .secret = {}}}, "0123456789abcdef")};
  PoolRegistry pools{loop, timers, *log};
  std::map<std::string, net::Resolver::OnFound> questions;
  FakeUpstream server;
  RemoteRegistry remotes{loop,
                         timers,
                         *log,
                         random,
                         pools,
                         affinity,
                         [this](const std::string& host, std::uint16_t, net::Resolver::OnFound on_found) {
                           questions[host] = std::move(on_found);
                         }};
};

}  // namespace

TEST_CASE("the first configuration makes every endpoint that it names, found by its tag", "[proxy][pool]") {
  Fixture f;
  f.config.pools[0].endpoints[1].weight = 3;
  f.apply();
  REQUIRE(f.web().endpoints().size() == 2);
  CHECK(f.web().has_ready_endpoint());
  CHECK(f.web().endpoints()[1]->name() == "unix:/run/app.sock");
  CHECK(f.web().endpoints()[1]->weight() == 3);
  CHECK(f.web().endpoints()[1]->warmth() == 1);
  CHECK(f.pools.find("main")->endpoints().empty());
  CHECK(f.remotes.size() == 2);
  for (const Endpoint* endpoint : f.web().endpoints()) {
    CHECK(endpoint->key() == EndpointKey{endpoint_id_of_remote("web", endpoint->name()), 0});
    CHECK(f.verdict(endpoint->key()) == Affinity::kFound);
  }
}

TEST_CASE("a later configuration leaves alone what it does not touch", "[proxy][pool]") {
  Fixture f;
  f.apply();
  Endpoint* const endpoint = f.web().endpoints()[0];
  ++endpoint->counters.requests;
  endpoint->set_health(Endpoint::Health::kUnhealthy);
  EndpointLease lease(*f.web().endpoints()[1], EndpointLease::Kind::kTunnel);
  const EndpointKey gone = lease->key();

  f.config.pools[0].endpoints = {{"127.0.0.1:1", 2}, {"127.0.0.1:2"}};
  f.config.pools[0].health.fall = 7;
  f.apply();
  REQUIRE(f.web().endpoints().size() == 2);
  CHECK(f.web().endpoints()[0] == endpoint);
  CHECK(endpoint->counters.requests == 1);
  CHECK(endpoint->health() == Endpoint::Health::kUnhealthy);
  CHECK(endpoint->weight() == 2);
  CHECK(f.web().endpoints()[1]->name() == "127.0.0.1:2");
  CHECK(f.web().endpoints()[1]->warmth() < 1);       // it comes late, beside others
  CHECK(lease->life() == Endpoint::Life::kRemoved);  // and lives until the tunnel ends
  CHECK(f.verdict(gone) == Affinity::kGone);
}

TEST_CASE("a pool that goes takes its endpoints along, and brings them back", "[proxy][pool]") {
  Fixture f;
  f.apply();
  Pool& web = f.web();
  const PoolConfig removed = f.config.pools[0];
  f.config.pools.erase(f.config.pools.begin());
  f.apply();
  CHECK(web.endpoints().empty());
  CHECK(f.remotes.size() == 0);
  CHECK_FALSE(f.timers.has_running());
  f.config.pools.push_back(removed);
  f.apply();
  CHECK(&f.web() == &web);
  CHECK(web.endpoints().size() == 2);
}

TEST_CASE("a reload that changes nothing asks nobody again", "[proxy][pool]") {
  Fixture f;
  f.config.pools[0].endpoints = {f.server.address().to_string()};
  f.config.pools[0].health.interval = 60s;
  f.apply();
  f.advance(300ms);
  CHECK(f.server.connections.size() == 1);
  CHECK(f.web().endpoints()[0]->health() == Endpoint::Health::kHealthy);
  for (int i = 0; i < 5; ++i) {
    f.apply();
    f.advance(300ms);
  }
  CHECK(f.server.connections.size() == 1);
  CHECK(f.web().endpoints()[0]->health() == Endpoint::Health::kHealthy);
}

TEST_CASE("an address that a kept configuration spells wrongly is logged, and the others serve", "[proxy][pool]") {
  Fixture f;
  f.config.pools[0].endpoints = {"127.0.0.1", "127.0.0.1:1"};
  f.apply();
  CHECK(f.web().endpoints().size() == 1);
  CHECK(f.log.contains(R"("endpoint without an address" pool=web endpoint=127.0.0.1)"));
}

TEST_CASE("a name is an endpoint that is used once it is resolved, with the tag of its text", "[proxy][pool]") {
  Fixture f;
  f.config.pools[0].endpoints = {"app.internal:9000"};
  f.apply();
  REQUIRE(f.web().endpoints().size() == 1);
  Endpoint& endpoint = *f.web().endpoints()[0];
  CHECK_FALSE(f.web().has_ready_endpoint());
  CHECK(endpoint.health() == Endpoint::Health::kUnknown);
  f.resolve("app.internal", {f.server.address()});
  CHECK(f.log.contains(R"("endpoint is resolved" pool=web endpoint=app.internal:9000 addresses=1)"));
  CHECK(f.web().has_ready_endpoint());  // and used before it is probed
  f.advance(300ms);
  CHECK(endpoint.health() == Endpoint::Health::kHealthy);
  CHECK(endpoint.key().endpoint == endpoint_id_of_remote("web", "app.internal:9000"));
}

TEST_CASE("a name that cannot be resolved is unhealthy until it can be, and then the first probe decides",
          "[proxy][pool]") {
  Fixture f;
  f.config.pools[0].endpoints = {"app.internal:9000"};
  f.apply();
  Endpoint& endpoint = *f.web().endpoints()[0];
  f.fail("app.internal");
  CHECK(endpoint.health() == Endpoint::Health::kUnhealthy);
  CHECK(f.log.contains(R"("endpoint is not resolved" pool=web endpoint=app.internal:9000 error="cannot resolve )"
                       R"(app.internal" kept=0)"));
  for (int i = 0; i < 3; ++i) {
    f.until_asked("app.internal");
    f.fail("app.internal");
  }
  const auto said = std::count_if(f.log.lines().begin(), f.log.lines().end(), [](const std::string& line) {
    return line.find("endpoint is not resolved") != std::string::npos;
  });
  CHECK(said == 1);
  f.until_asked("app.internal");
  f.resolve("app.internal", {f.server.address()});
  CHECK(endpoint.health() == Endpoint::Health::kUnhealthy);
  f.advance(300ms);
  CHECK(endpoint.health() == Endpoint::Health::kHealthy);
}

TEST_CASE("a name that cannot be resolved any more keeps its last addresses while probes are answered there",
          "[proxy][pool]") {
  Fixture f;
  f.config.pools[0].endpoints = {"app.internal:9000"};
  f.apply();
  Endpoint& endpoint = *f.web().endpoints()[0];
  f.resolve("app.internal", {f.server.address()});
  f.advance(300ms);
  f.until_asked("app.internal");
  f.fail("app.internal");
  for (int i = 0; i < 100; ++i) f.advance(100ms);
  CHECK(endpoint.is_available());
  CHECK(f.log.contains("kept=1"));
  f.server.stop_listening();
  for (int i = 0; i < 10; ++i) f.advance(1s);
  CHECK(endpoint.health() == Endpoint::Health::kUnhealthy);
}

TEST_CASE("other addresses of a name are used at once, and health is kept until they are asked", "[proxy][pool]") {
  Fixture f;
  FakeUpstream other;
  f.config.pools[0].endpoints = {"app.internal:9000"};
  f.apply();
  Endpoint& endpoint = *f.web().endpoints()[0];
  f.resolve("app.internal", {f.server.address()});
  f.advance(300ms);
  CHECK(endpoint.health() == Endpoint::Health::kHealthy);
  f.until_asked("app.internal");
  f.resolve("app.internal", {other.address()});
  CHECK(endpoint.addresses().front().to_string() == other.address().to_string());
  CHECK(endpoint.health() == Endpoint::Health::kHealthy);
  f.advance(300ms);
  other.turn();
  CHECK(other.connections.size() == 1);
}

TEST_CASE("a name's question that is open when its endpoint goes is answered to nobody", "[proxy][pool]") {
  Fixture f;
  f.config.pools[0].endpoints = {"app.internal:9000"};
  f.apply();
  f.config.pools[0].endpoints = {"127.0.0.1:1"};
  f.apply();
  f.resolve("app.internal", {f.server.address()});
  CHECK(f.web().endpoints().size() == 1);
}

TEST_CASE("the system's resolver knows localhost", "[proxy][pool]") {
  Fixture f;
  RemoteRegistry remotes(f.loop, f.loop, *f.log, f.random, f.pools, f.affinity);
  f.config.pools[0].endpoints = {"localhost:" + std::to_string(f.server.address().port())};
  f.pools.apply(f.config);
  remotes.apply();
  Endpoint& endpoint = *f.web().endpoints()[0];
  CHECK(turn_until(f.loop, [&] {
    f.server.turn();
    return endpoint.health() == Endpoint::Health::kHealthy;
  }));
  CHECK(endpoint.addresses().front().to_string() == f.server.address().to_string());
}
