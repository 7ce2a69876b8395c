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
                    *net::Address::parse("127.0.0.1:1"));
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
