// A real Redis on a bad day, behind a network that does what the test says: what arrives, what is counted, and that all
// is well afterwards.
#include <fcntl.h>
#include <sys/socket.h>

#include <numeric>

#include "tests/lifetime_spec/worlds.h"
#include "tests/support/relay.h"

namespace hubgate::hub {
namespace {

using test::Client;
using Strings = std::vector<std::string>;
using namespace std::chrono_literals;

constexpr redis::LinkTimes kShort{.connect_timeout = 2s, .ping_interval = 100ms, .dead_after = 500ms};

class BadDay final : public test::RedisWorld {
 public:
  static bool is_possible() { return test::RealRedisWorld::is_possible(); }
  explicit BadDay(const redis::LinkTimes& times = kShort) {
    start("redis://127.0.0.1:" + std::to_string(relay.port()), times);
  }
  void kill_redis() override { redis.kill(); }
  void restart_redis() override { redis.start(); }

  const redis::RedisCounters& counters(std::size_t index) { return redis_server(index).redis_counters(); }
  std::uint64_t settled(std::size_t index) {
    const auto& c = counters(index);
    return c.published + c.refused + c.unknown + c.lost;
  }
  /// A group message arrives at both clients, and nothing else does after what is taken here.
  void check_all_is_well(Client& a, Client& b) {
    wait_until(true);
    settle();
    a.take();
    b.take();
    for (Client* sender : {&a, &b}) {
      CHECK(sender->server.send_group("room", {"Receive", {Value("well")}}));
      settle();
      CHECK(a.take() == Strings{"Receive(\"well\")"});
      CHECK(b.take() == Strings{"Receive(\"well\")"});
    }
  }

  test::RealRedis redis;
  test::Relay relay{loop, net::Address::parse(redis.url()).value()};
};

/// No number twice, and none before a smaller one.
bool is_increasing(const Strings& messages) {
  std::int64_t last = -1;
  for (const std::string& message : messages) {
    const std::int64_t number = std::stoll(message.substr(message.find('(') + 1));
    if (number <= last) return false;
    last = number;
  }
  return true;
}

Invocation number(int value) { return {"Receive", {Value(value)}}; }

TEST_CASE("a Redis that is frozen, or a network that forgets its links, is found by PING, and counted",
          "[lifetime_spec]") {
  if (!BadDay::is_possible()) return;
  const bool frozen = GENERATE(true, false);
  CAPTURE(frozen);
  BadDay world;
  Client& a = world.connect();
  Client& b = world.connect();
  Client& c = world.connect();  // on the server of a
  for (Client* client : {&a, &b, &c}) world.join(*client, "room");
  world.settle();
  const std::uint64_t before = world.settled(0);
  frozen ? world.redis.freeze() : world.relay.hold(true);
  for (int i = 0; i < 5; ++i) CHECK(a.server.send_group("room", number(i)));
  world.wait_until(false);
  CHECK(world.log().contains("Redis does not answer PING"));
  // They had left and were not answered: whether they arrive is unknown, and they are not sent again.
  CHECK(world.counters(0).unknown == 5);
  CHECK(world.counters(0).lost == 0);
  CHECK(world.settled(0) == before + 5);
  for (int i = 5; i < 8; ++i) CHECK(a.server.send_group("room", number(i)));
  CHECK(world.redis_server(0).counters().degraded == 3);
  CHECK(a.server.send_connection(b.id, number(9)));
  CHECK(world.redis_server(0).counters().lost == 1);
  CHECK(a.take() == Strings{"Receive(5)", "Receive(6)", "Receive(7)"});
  CHECK(c.take() == Strings{"Receive(5)", "Receive(6)", "Receive(7)"});
  CHECK(b.take().empty());
  frozen ? world.redis.thaw() : world.relay.hold(false);
  world.wait_until(true);
  world.settle();
  const Strings late = b.take();  // of the unknown ones
  CHECK(is_increasing(late));
  CHECK(late.size() <= 5);
  world.check_all_is_well(a, b);
  CHECK(world.counters(0).disconnects == 1);
  CHECK(world.counters(0).unknown == 5);
}

TEST_CASE("a Redis that stops for less than PING's time loses nothing", "[lifetime_spec]") {
  if (!BadDay::is_possible()) return;
  BadDay world(redis::LinkTimes{});
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "room");
  world.join(b, "room");
  world.redis.freeze();
  for (int i = 0; i < 50; ++i) CHECK(a.server.send_group("room", number(i)));
  test::turn_until_idle(world.loop);
  CHECK(b.take().empty());
  world.redis.thaw();
  world.settle();
  const Strings got = b.take();
  CHECK(got.size() == 50);
  CHECK(is_increasing(got));
  CHECK(world.counters(0).disconnects == 0);
  CHECK(world.counters(0).unknown + world.counters(0).lost == 0);
}

TEST_CASE("links that are reset come back with every subscription, and each publish is counted once",
          "[lifetime_spec]") {
  if (!BadDay::is_possible()) return;
  BadDay world(redis::LinkTimes{});
  Client& a = world.connect("alice");
  Client& b = world.connect("bob");
  world.join(a, "room");
  world.join(b, "room");
  for (int i = 0; i < 200; ++i) world.join(b, "room" + std::to_string(i));
  world.settle();
  std::uint64_t sent = world.settled(0);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 20; ++i) CHECK(a.server.send_group("room", number(100 * round + i)));
    sent += 20;
    if (round % 2 == 0) world.loop.turn(false);  // they have left, or not
    world.relay.reset_all();
    world.wait_until(false);
    CHECK(world.settled(0) == sent);
    world.wait_until(true);
  }
  CHECK(world.counters(0).disconnects == 5);
  CHECK(world.counters(0).connects == 6);
  CHECK(is_increasing(b.take()));
  world.check_all_is_well(a, b);
  for (const int i : {0, 57, 199}) CHECK(a.server.send_group("room" + std::to_string(i), number(i)));
  world.settle();
  CHECK(b.take() == Strings{"Receive(0)", "Receive(57)", "Receive(199)"});
}

TEST_CASE("a slow Redis is waited for", "[lifetime_spec]") {
  if (!BadDay::is_possible()) return;
  BadDay world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "room");
  world.join(b, "room");
  world.relay.slow_down(200);  // bytes a millisecond
  const std::string kilobyte(1000, 'x');
  for (int i = 0; i < 100; ++i) CHECK(a.server.send_group("room", {"Receive", {Value(i), Value(kilobyte)}}));
  world.settle();
  const Strings got = b.take();
  CHECK(got.size() == 100);
  CHECK(is_increasing(got));
  CHECK(world.counters(0).disconnects + world.counters(1).disconnects == 0);
}

TEST_CASE("a server that Redis drops because it reads too slowly is back by itself", "[lifetime_spec]") {
  if (!BadDay::is_possible()) return;
  BadDay world;
  REQUIRE(world.redis.command({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 65536 0 0"}) == "+OK\r\n");
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "room");
  world.join(b, "room");
  world.settle();
  world.relay.stop_reading("SUBSCRIBE", true);
  const std::string much(16'000, 'x');
  int sent = 0;
  REQUIRE(test::turn_until(world.loop, [&] {
    if (world.redis_server(0).is_ready()) CHECK(a.server.send_group("room", {"Receive", {Value(sent++), Value(much)}}));
    return !world.redis_server(0).is_ready() && !world.redis_server(1).is_ready();
  }));
  world.relay.stop_reading("SUBSCRIBE", false);
  world.wait_until(true);
  CHECK(is_increasing(b.take()));
  CHECK(world.counters(0).disconnects >= 1);
  CHECK(world.settled(0) >= static_cast<std::uint64_t>(sent));
  a.take();
  world.check_all_is_well(a, b);
}

TEST_CASE("a primary that becomes a replica is left, for it reaches nobody; made primary again it is taken back",
          "[lifetime_spec]") {
  if (!BadDay::is_possible()) return;
  BadDay world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "room");
  world.join(b, "room");
  REQUIRE(world.redis.command({"REPLICAOF", "127.0.0.1", "1"}) == "+OK\r\n");
  world.wait_until(false);
  CHECK(world.log().contains("Redis is a read-only replica"));
  CHECK(a.server.send_group("room", number(1)));
  CHECK(a.take() == Strings{"Receive(1)"});
  CHECK(b.take().empty());
  CHECK(world.redis_server(0).counters().degraded == 1);
  REQUIRE(world.redis.command({"REPLICAOF", "NO", "ONE"}) == "+OK\r\n");
  world.check_all_is_well(a, b);
}

class Locked final : public test::RedisWorld {
 public:
  Locked() {
    if (redis.command({"CONFIG", "SET", "requirepass", "sesame"}) != "+OK\r\n") throw std::runtime_error("requirepass");
    folder.write("password", "hazelnut\n");
    waits_for_redis = false;
    start(redis.url() + "?password_file=" + (folder / "password"));
  }
  void kill_redis() override { redis.kill(); }
  void restart_redis() override { redis.start(); }
  test::RealRedis redis;
  test::TemporaryFolder folder;
};

TEST_CASE("with a wrong password a server works alone, says so, and tries the one that is there then",
          "[lifetime_spec]") {
  if (!BadDay::is_possible()) return;
  Locked world;
  REQUIRE(test::turn_until(world.loop, [&] { return world.redis_server(0).redis_counters().failed_connects >= 3; }));
  CHECK(world.log().contains("WRONGPASS"));
  Client& a = world.connect();
  world.join(a, "room");
  CHECK(a.server.send_group("room", number(1)));
  CHECK(a.take() == Strings{"Receive(1)"});
  CHECK(world.redis_server(0).counters().degraded == 1);
  CHECK(world.redis_server(0).redis_counters().connects == 0);
  world.folder.write("password", "sesame\n");
  world.wait_until(true);
  Client& b = world.connect();
  CHECK(b.server.send_group("room", number(2)));
  world.settle();
  CHECK(a.take() == Strings{"Receive(2)"});
  for (const char* secret : {"hazelnut", "sesame"}) CHECK_FALSE(world.log().contains(secret));
}

}  // namespace
}  // namespace hubgate::hub
