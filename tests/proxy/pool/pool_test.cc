#include "proxy/pool/pool.h"

#include "proxy/pool/idle_connections.h"
#include "proxy/pool/worker_slot.h"
#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_worker.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  Endpoint& add(std::uint32_t id, std::uint32_t weight = 1) {
    return pool.add({.name = std::to_string(id), .key = {id, 0}, .weight = weight, .slow_start = false},
                    {*net::Address::parse("127.0.0.1:1")});
  }
  void turn() { loop.turn(false); }

  event::Loop loop;
  test::ManualTimers timers;
  test::MemoryLog log;
  SeededRandom random{1};
  LimitsConfig limits;
  Pool pool{loop, timers, *log,
            [] {
              PoolConfig config;
              config.name = "main";
              return config;
            }(),
            limits};
};

struct Waiter final : PoolWaiter {
  Waiter(std::string& order, char name, bool served = true) : order(order), name(name), served(served) {}
  bool on_endpoint_change() override {
    order += name;
    if (served) stop_waiting();
    return served;
  }
  std::string& order;
  char name;
  bool served;
};

}  // namespace

TEST_CASE("an endpoint is counted while a lease lives, by its kind", "[proxy][pool]") {
  Fixture f;
  Endpoint& endpoint = f.add(1);
  using Kind = EndpointLease::Kind;
  EndpointLease request(endpoint, Kind::kRequest);
  EndpointLease held(endpoint, Kind::kHeld);
  EndpointLease tunnel(endpoint, Kind::kTunnel);
  CHECK(endpoint.requests_in_flight() == 1);
  CHECK(endpoint.active() == 3);
  CHECK(f.pool.connections() == 3);
  EndpointLease moved = std::move(tunnel);
  CHECK(endpoint.tunnels() == 1);
  moved.release();
  CHECK(endpoint.tunnels() == 0);
  CHECK_FALSE(moved);
}

TEST_CASE("held requests and tunnels do not make an endpoint full, requests do", "[proxy][pool]") {
  Fixture f;
  Endpoint& endpoint = f.add(1);
  std::vector<EndpointLease> leases;
  for (std::uint32_t i = 0; i < Endpoint::kMaxRequestsInFlight; ++i) {
    leases.emplace_back(endpoint, EndpointLease::Kind::kHeld);
  }
  CHECK(endpoint.is_available());
  for (std::uint32_t i = 0; i < Endpoint::kMaxRequestsInFlight; ++i) {
    leases.emplace_back(endpoint, EndpointLease::Kind::kRequest);
  }
  CHECK(endpoint.is_full());
  CHECK(f.pool.choose(f.random) == nullptr);
}

TEST_CASE("the least loaded endpoint that may be used is chosen", "[proxy][pool]") {
  Fixture f;
  Endpoint& busy = f.add(1);
  Endpoint& quiet = f.add(2);
  const EndpointLease lease(busy, EndpointLease::Kind::kRequest);
  CHECK(f.pool.choose(f.random) == &quiet);
  const std::vector<EndpointKey> not_these{quiet.key()};
  CHECK(f.pool.choose(f.random, not_these) == &busy);
  quiet.set_draining(true);
  CHECK(f.pool.choose(f.random) == &busy);
  quiet.set_draining(false);
  quiet.set_health(Endpoint::Health::kUnhealthy);
  CHECK(f.pool.choose(f.random) == &busy);
  busy.set_health(Endpoint::Health::kUnhealthy);
  CHECK(f.pool.choose(f.random) == nullptr);
  CHECK_FALSE(f.pool.has_ready_endpoint());
}

TEST_CASE("an endpoint that will be replaced is chosen only where there is no other", "[proxy][pool]") {
  Fixture f;
  Endpoint& old = f.add(1);
  Endpoint& young = f.add(2);
  old.set_outgoing(true);
  std::vector<EndpointLease> busy;
  for (int i = 0; i < 10; ++i) busy.emplace_back(young, EndpointLease::Kind::kTunnel);
  CHECK(f.pool.choose(f.random) == &young);
  const std::vector<EndpointKey> tried = {young.key()};
  CHECK(f.pool.choose(f.random, tried) == &old);
  young.set_draining(true);
  CHECK(f.pool.choose(f.random) == &old);
}

TEST_CASE("equal endpoints share new connections", "[proxy][pool]") {
  Fixture f;
  f.add(1);
  f.add(2);
  std::map<std::uint32_t, int> chosen;
  for (int i = 0; i < 1000; ++i) ++chosen[f.pool.choose(f.random)->key().endpoint];
  CHECK(chosen[1] > 480);
  CHECK(chosen[2] > 480);
}

TEST_CASE("a removed endpoint is found no more, and lives until its last lease ends", "[proxy][pool]") {
  Fixture f;
  Endpoint& endpoint = f.add(1);
  EndpointLease lease(endpoint, EndpointLease::Kind::kTunnel);
  f.pool.remove(endpoint);
  f.pool.remove(endpoint);  // again is nothing
  CHECK(f.pool.endpoints().empty());
  CHECK(f.pool.find({1, 0}) == nullptr);
  CHECK(f.pool.choose(f.random) == nullptr);
  f.turn();
  CHECK(lease->life() == Endpoint::Life::kRemoved);  // still there, as ASan would say if it were not
  lease.release();
  f.turn();
}

TEST_CASE("waiters are asked in order after a change, and leave when they are served", "[proxy][pool]") {
  Fixture f;
  std::string order;
  Waiter a(order, 'a'), b(order, 'b'), c(order, 'c');
  REQUIRE(f.pool.wait(a, false));
  REQUIRE(f.pool.wait(b, false));
  REQUIRE(f.pool.wait(c, false));
  f.turn();
  CHECK(order.empty());
  b.stop_waiting();
  f.add(1);
  CHECK(order.empty());  // not out of the change, but in the next turn
  f.turn();
  CHECK(order == "ac");
  CHECK(f.pool.waiting() == 0);
}

TEST_CASE("where the first waiter finds nothing the next are not asked, but bound ones are", "[proxy][pool]") {
  Fixture f;
  std::string order;
  Waiter a(order, 'a', false), b(order, 'b', false), bound(order, 'x', false);
  REQUIRE(f.pool.wait(a, false));
  REQUIRE(f.pool.wait(b, false));
  REQUIRE(f.pool.wait(bound, true));
  f.pool.changed();
  f.pool.changed();
  f.turn();
  CHECK(order == "ax");
  CHECK(f.pool.waiting() == 3);
}

TEST_CASE("the queue is bounded, and a waiter that ends leaves it", "[proxy][pool]") {
  Fixture f;
  f.limits.queue_length = 2;
  f.pool.set_limits(f.limits);
  std::string order;
  Waiter b(order, 'b'), c(order, 'c');
  {
    Waiter a(order, 'a');
    REQUIRE(f.pool.wait(a, false));
    REQUIRE(f.pool.wait(b, false));
    CHECK_FALSE(f.pool.wait(c, false));
    CHECK(f.pool.counters.queue_full == 1);
  }
  CHECK(f.pool.wait(c, false));
}

TEST_CASE("second attempts are at most a fifth of what is under way, and three at least", "[proxy][pool]") {
  Fixture f;
  Endpoint& endpoint = f.add(1);
  CHECK(f.pool.begin_retry());
  CHECK(f.pool.begin_retry());
  CHECK(f.pool.begin_retry());
  CHECK_FALSE(f.pool.begin_retry());
  std::vector<EndpointLease> leases;
  for (int i = 0; i < 20; ++i) leases.emplace_back(endpoint, EndpointLease::Kind::kRequest);
  CHECK(f.pool.begin_retry());
  CHECK_FALSE(f.pool.begin_retry());
  f.pool.end_retry();
  CHECK(f.pool.begin_retry());
}

TEST_CASE("a slot's load is its worker's word, and what was given to it since", "[proxy][pool]") {
  struct NoKeeper final : Keeper {
    Result<void> spawn(const control::Spawn&) override { return {}; }
    void signal(const control::SlotId&, int) override {}
  } keeper;
  struct Owner final : WorkerSlot::Handler {
    void on_slot_ready(WorkerSlot&) override { endpoint->on_ready(); }
    void on_slot_load(WorkerSlot&) override { endpoint->on_load_read(); }
    void on_slot_gone(WorkerSlot&) override {}
    Endpoint* endpoint = nullptr;
  } owner;
  Fixture f;
  test::ScriptedWorker worker(f.loop);
  control::Welcome welcome;
  welcome.epoch = 5;
  welcome.pool = "main";
  WorkerSlot slot(f.loop, f.timers, *f.log, keeper, welcome, {worker.take_control(), worker.take_handover()}, 1, 30s,
                  owner);
  Endpoint& endpoint = f.pool.add({.name = "main/0", .key = {1, 1}}, slot);
  owner.endpoint = &endpoint;
  CHECK_FALSE(endpoint.is_reachable());
  CHECK(f.pool.choose(f.random) == nullptr);
  worker.become_ready(5);
  worker.turn();
  CHECK(f.pool.choose(f.random) == &endpoint);
  CHECK(endpoint.warmth() < 1);  // it has just come
  f.limits.slow_start = milliseconds(2000);
  f.pool.set_limits(f.limits);
  f.timers.advance(3s);
  CHECK(endpoint.warmth() == 1);

  test::SocketPair client;
  control::Accept accept;
  accept.head = "GET / HTTP/1.1\r\n\r\n";
  REQUIRE(slot.hand_over(accept, client.a, {}) == WorkerSlot::HandOver::kSent);
  endpoint.note_negotiate();
  endpoint.note_negotiate();
  CHECK(endpoint.active() == 1);
  CHECK(endpoint.pending() == 2);
  worker.say(control::Load{.epoch = 5, .as_of = 1, .active = 10, .pending = 1});
  worker.turn();
  CHECK(endpoint.active() == 10);
  CHECK(endpoint.pending() == 1);
  f.pool.remove(endpoint);
  slot.retire();
}

TEST_CASE("an idle connection is taken again, the youngest first, and none outlives its age", "[proxy][pool]") {
  struct Quiet final : http_client::ClientConnection::Handler {
    void on_response_head(http::ResponseHead&) override {}
    void on_response_end(bool) override {}
    void on_failed(const http_client::Failure&) override {}
  } quiet;
  Fixture f;
  IdleConnections idle(f.loop, f.timers);
  std::vector<test::SocketPair> pairs(4);
  const auto keep = [&](std::size_t index) {
    idle.keep(std::make_unique<http_client::ClientConnection>(f.loop, f.timers, std::move(pairs[index].a), quiet), 2,
              30s);
  };
  keep(0);
  f.timers.advance(10s);
  keep(1);
  CHECK(idle.size() == 2);
  keep(2);  // one too many: the oldest goes
  CHECK(idle.size() == 2);
  f.turn();
  CHECK(test::is_at_end(pairs[0].b.get()));
  std::unique_ptr<http_client::ClientConnection> taken = idle.take();
  REQUIRE(taken);
  taken->set_handler(quiet);
  CHECK(idle.size() == 1);
  f.timers.advance(31s);
  CHECK(idle.size() == 0);
  CHECK(idle.take() == nullptr);

  keep(3);
  pairs[3].b.reset();  // the endpoint closes it
  f.turn();
  f.turn();
  CHECK(idle.size() == 0);
  f.loop.dispose(std::move(taken));
}

TEST_CASE("connections that wait for a request count as descriptors until they are closed", "[proxy][pool]") {
  struct Nobody final : http_client::ClientConnection::Handler {
    void on_response_head(http::ResponseHead&) override {}
    void on_response_end(bool) override {}
    void on_failed(const http_client::Failure&) override {}
  } nobody;
  Fixture f;
  Endpoint& endpoint = f.add(1);
  test::SocketPair pair;
  endpoint.idle().keep(std::make_unique<http_client::ClientConnection>(f.loop, f.timers, std::move(pair.a), nobody), 32,
                       30s);
  const EndpointLease lease(endpoint, EndpointLease::Kind::kTunnel);
  CHECK(f.pool.connections() == 2);
  f.pool.close_idle();
  CHECK(f.pool.connections() == 1);
  CHECK(test::is_at_end(pair.b.get()));
}

namespace {

void fail(Endpoint& endpoint, int times) {
  for (int i = 0; i < times; ++i) endpoint.note_connect_failure(true);
}

}  // namespace

TEST_CASE("an endpoint that fails five times in a row is out for a while, whatever probes say", "[proxy][pool]") {
  Fixture f;
  Endpoint& ill = f.add(1);
  Endpoint& well = f.add(2);
  const EndpointLease busy(well, EndpointLease::Kind::kTunnel);
  fail(ill, 4);
  CHECK(f.pool.choose(f.random) == &ill);
  fail(ill, 1);
  CHECK(ill.is_ejected());
  CHECK(ill.counters.ejections == 1);
  CHECK(f.log.contains(R"("endpoint ejected" pool=main endpoint=1 seconds=5 in_row=1)"));
  CHECK(f.pool.choose(f.random) == &well);
  CHECK(ill.is_reachable());  // who has a token still gets there
  ill.set_health(Endpoint::Health::kHealthy);
  f.timers.advance(4999ms);
  CHECK(f.pool.choose(f.random) == &well);
  std::string order;
  Waiter waiter(order, 'a');
  REQUIRE(f.pool.wait(waiter, false));
  f.timers.advance(1ms);
  CHECK(f.log.contains("endpoint taken back"));
  f.turn();
  CHECK(order == "a");
  CHECK(f.pool.choose(f.random) == &ill);
  fail(ill, 5);
  CHECK(ill.ejected_until() - f.timers.now() == 10s);
}

TEST_CASE("answers, and failures that are not its own, do not count against an endpoint", "[proxy][pool]") {
  Fixture f;
  Endpoint& endpoint = f.add(1);
  f.add(2);
  for (int i = 0; i < 20; ++i) {
    endpoint.note_response_failure(i % 4 != 0);
    if (i % 4 == 0) endpoint.note_answer();
    endpoint.note_connect_failure(false);
  }
  CHECK_FALSE(endpoint.is_ejected());
  CHECK(endpoint.counters.connect_failures == 20);
  CHECK(endpoint.counters.response_failures == 20);
}

TEST_CASE("never more than half of a pool is out for its failures, and never the last that could be chosen",
          "[proxy][pool]") {
  Fixture f;
  const std::size_t count = GENERATE(1U, 2U, 3U, 5U, 8U);
  for (std::uint32_t id = 1; id <= count; ++id) f.add(id);
  for (Endpoint* endpoint : f.pool.endpoints()) fail(*endpoint, 20);
  CHECK(f.pool.endpoints().front()->is_ejected() == (count > 1));
  CHECK(std::count_if(f.pool.endpoints().begin(), f.pool.endpoints().end(),
                      [](const Endpoint* one) { return one->is_ejected(); }) == static_cast<int>(count / 2));
}

TEST_CASE("the last one that is well is not ejected, and one is taken back when the others are lost", "[proxy][pool]") {
  Fixture f;
  Endpoint& one = f.add(1);
  Endpoint& two = f.add(2);
  Endpoint& three = f.add(3);
  two.set_health(Endpoint::Health::kUnhealthy);
  three.set_draining(true);
  fail(one, 20);
  CHECK_FALSE(one.is_ejected());
  three.set_draining(false);
  fail(one, 1);
  CHECK(one.is_ejected());
  const int how = GENERATE(0, 1, 2);
  if (how == 0) three.set_health(Endpoint::Health::kUnhealthy);
  if (how == 1) three.set_draining(true);
  if (how == 2) f.pool.remove(three);
  CHECK_FALSE(one.is_ejected());
  CHECK(f.pool.choose(f.random) == &one);
}
