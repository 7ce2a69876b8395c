// What is true when Redis dies and comes back, over a Redis that the test plays and over a real one.
#include "tests/lifetime_spec/worlds.h"

namespace hubgate::hub {
namespace {

using test::Client;
using Strings = std::vector<std::string>;

#define REDIS_SPEC(sentence) TEMPLATE_TEST_CASE(sentence, "[lifetime_spec]", test::FakeRedisWorld, test::RealRedisWorld)

Invocation receive(Value argument) { return {"Receive", {std::move(argument)}}; }
const Strings kOne{"Receive(1)"};

REDIS_SPEC("after Redis was killed and came back, groups, users and connections work without clients reconnecting") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect("alice");
  Client& b = world.connect("bob");
  world.join(a, "room");
  world.join(b, "room");
  for (int round = 0; round < 3; ++round) {
    world.kill_redis();
    world.wait_until(false);
    world.restart_redis();
    world.wait_until(true);
    CHECK(a.server.send_group("room", receive(1)));
    CHECK(a.server.send_user("bob", receive(2)));
    CHECK(b.server.send_connection(a.id, receive(3)));
    world.settle();
    Strings got_a = a.take();
    Strings got_b = b.take();
    std::sort(got_a.begin(), got_a.end());
    CHECK(got_a == Strings{"Receive(1)", "Receive(3)"});
    CHECK(got_b == Strings{"Receive(1)", "Receive(2)"});
  }
}

REDIS_SPEC("a send while Redis is down reaches local members exactly once, also after it is back") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  Client& c = world.connect();  // on the server of a
  for (Client* client : {&a, &b, &c}) world.join(*client, "room");
  world.kill_redis();
  world.wait_until(false);
  CHECK(a.server.send_group("room", receive(1)));
  CHECK(a.take() == kOne);
  CHECK(c.take() == kOne);
  world.restart_redis();
  world.wait_until(true);
  world.settle();
  CHECK(a.take().empty());
  CHECK(b.take().empty());
  CHECK(c.take().empty());
}

REDIS_SPEC("joins that wait when Redis dies complete, and hold when it is back") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  std::size_t done = 0;
  constexpr std::size_t kJoins = 200;
  for (std::size_t i = 0; i < kJoins; ++i) {
    a.server.add_to_group(a.id, "room" + std::to_string(i),
                          [&](const Result<void>& result) { done += result ? 1 : 0; });
  }
  world.kill_redis();
  REQUIRE(test::turn_until(world.loop, [&] { return done == kJoins; }));
  world.wait_until(false);
  world.join(a, "late");
  world.restart_redis();
  world.wait_until(true);
  for (const char* group : {"room0", "room199", "late"}) {
    CHECK(b.server.send_group(group, receive(1)));
    world.settle();
    CHECK(a.take() == kOne);
  }
}

REDIS_SPEC("clients that come and go while Redis is down are served, and found when it is back") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& gone = world.connect("alice");
  Client& b = world.connect();
  world.join(gone, "room");
  world.kill_redis();
  world.wait_until(false);
  Client& late = world.connect("alice");
  CHECK(late.server.send_user("alice", receive(1)));
  CHECK(late.take() == kOne);
  gone.take();
  world.disconnect(gone);
  world.restart_redis();
  world.wait_until(true);
  CHECK(b.server.send_user("alice", receive(1)));
  CHECK(b.server.send_group("room", receive(2)));
  world.settle();
  CHECK(late.take() == kOne);
}

REDIS_SPEC("an operation on another server's connection fails at once while Redis is down") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.kill_redis();
  world.wait_until(false);
  Strings told;
  a.server.add_to_group(b.id, "room",
                        [&](const Result<void>& result) { told.push_back(result ? "done" : result.error().what); });
  CHECK(told == Strings{"Redis is down"});
}

REDIS_SPEC("many thousand subscriptions come back before the first publish") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  std::size_t done = 0;
  constexpr std::size_t kGroups = 3000;
  for (std::size_t i = 0; i < kGroups; ++i) {
    a.server.add_to_group(a.id, "room" + std::to_string(i), [&](const Result<void>&) { ++done; });
  }
  REQUIRE(test::turn_until(world.loop, [&] { return done == kGroups; }));
  world.kill_redis();
  world.wait_until(false);
  world.restart_redis();
  world.wait_until(true);
  for (std::size_t i = 0; i < kGroups; ++i) CHECK(b.server.send_group("room" + std::to_string(i), receive(1)));
  world.settle();
  CHECK(a.take().size() == kGroups);
}

}  // namespace
}  // namespace hubgate::hub
