// What is true of every lifetime manager, whatever carries its messages: alone, on two servers over a Redis that the
// test plays itself, and over a real one.
#include "tests/lifetime_spec/worlds.h"

namespace hubgate::hub {
namespace {

using test::Client;
using Strings = std::vector<std::string>;

#define LIFETIME_SPEC(sentence) \
  TEMPLATE_TEST_CASE(sentence, "[lifetime_spec]", test::LocalWorld, test::FakeRedisWorld, test::RealRedisWorld)

Invocation receive(Value argument) { return {"Receive", {std::move(argument)}}; }
const Strings kOne{"Receive(1)"};

LIFETIME_SPEC("a message to all reaches everybody once") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  Client& c = world.connect();
  CHECK(a.server.send_all(receive(1)));
  world.settle();
  CHECK(a.take() == kOne);
  CHECK(b.take() == kOne);
  CHECK(c.take() == kOne);
}

LIFETIME_SPEC("excluded connections get nothing, on whatever server they are") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  Client& c = world.connect();
  CHECK(a.server.send_all(receive(1), Strings{a.id, b.id, "stranger"}));
  world.settle();
  CHECK(a.take().empty());
  CHECK(b.take().empty());
  CHECK(c.take() == kOne);
}

LIFETIME_SPEC("each client gets a message in its own protocol") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& json = world.connect("", "json");
  Client& messagepack = world.connect("", "messagepack");
  Client& other = world.connect("", "messagepack");
  CHECK(json.server.send_all(receive("hi")));
  CHECK(json.server.send_connection(messagepack.id, receive(true)));
  world.settle();
  CHECK(json.take() == Strings{"Receive(\"hi\")"});
  Strings got = messagepack.take();
  std::sort(got.begin(), got.end());
  CHECK(got == Strings{"Receive(a26869)", "Receive(c3)"});
  CHECK(other.take() == Strings{"Receive(a26869)"});
}

LIFETIME_SPEC("a message to a connection reaches it alone, and a stranger's goes nowhere") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  for (Client* sender : {&a, &b}) {
    CHECK(sender->server.send_connection(b.id, receive(1)));
    CHECK(sender->server.send_connection("stranger", receive(2)));
    world.settle();
    CHECK(a.take().empty());
    CHECK(b.take() == kOne);
  }
}

LIFETIME_SPEC("a message to several connections reaches each of them") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  Client& c = world.connect();
  CHECK(a.server.send_connections(Strings{a.id, "stranger", b.id}, receive(1)));
  CHECK(a.server.send_connections({}, receive(2)));
  world.settle();
  CHECK(a.take() == kOne);
  CHECK(b.take() == kOne);
  CHECK(c.take().empty());
}

LIFETIME_SPEC("a group is its members, wherever they are and whoever sends") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  Client& c = world.connect();
  world.join(a, "room");
  world.join(b, "room");
  for (Client* sender : {&a, &b, &c}) {
    CHECK(sender->server.send_group("room", receive(1)));
    world.settle();
    CHECK(a.take() == kOne);
    CHECK(b.take() == kOne);
    CHECK(c.take().empty());
  }
}

LIFETIME_SPEC("a message to a group may leave members out") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "room");
  world.join(b, "room");
  CHECK(a.server.send_group("room", receive(1), Strings{a.id}));
  world.settle();
  CHECK(a.take().empty());
  CHECK(b.take() == kOne);
}

LIFETIME_SPEC("joining twice is joining once, leaving ends it, leaving twice does nothing") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "room");
  world.join(a, "room");
  CHECK(b.server.send_group("room", receive(1)));
  world.settle();
  CHECK(a.take() == kOne);
  world.leave(a, "room");
  world.leave(a, "room");
  CHECK(b.server.send_group("room", receive(2)));
  world.settle();
  CHECK(a.take().empty());
}

LIFETIME_SPEC("names of groups are compared byte by byte and may be anything") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  const std::string odd = "a b:*?[x]\n\u017e\U0001F600:internal:groups";
  world.join(a, odd);
  world.join(b, "room");
  CHECK(b.server.send_group("Room", receive(0)));
  CHECK(b.server.send_group(odd, receive(1)));
  world.settle();
  CHECK(a.take() == kOne);
  CHECK(b.take().empty());
}

LIFETIME_SPEC("a member of two groups gets a message to both twice") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "one");
  world.join(a, "two");
  world.join(b, "two");
  CHECK(b.server.send_groups(Strings{"one", "nobody", "two"}, receive(1)));
  world.settle();
  CHECK(a.take() == Strings{"Receive(1)", "Receive(1)"});
  CHECK(b.take() == kOne);
}

LIFETIME_SPEC("a connection joins and leaves by whichever server is asked") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(b, a, "room");
  CHECK(b.server.send_group("room", receive(1)));
  world.settle();
  CHECK(a.take() == kOne);
  world.join(b, a, "room");
  world.leave(b, a, "room");
  world.leave(b, a, "room");
  CHECK(b.server.send_group("room", receive(2)));
  world.settle();
  CHECK(a.take().empty());
}

LIFETIME_SPEC("a user is all connections with that id, compared byte by byte") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect("alice");
  Client& b = world.connect("alice");
  Client& c = world.connect("Alice");
  Client& d = world.connect();
  CHECK(d.server.send_user("alice", receive(1)));
  CHECK(d.server.send_user("nobody", receive(2)));
  CHECK(d.server.send_user("", receive(3)));
  world.settle();
  CHECK(a.take() == kOne);
  CHECK(b.take() == kOne);
  CHECK(c.take().empty());
  CHECK(d.take().empty());
}

LIFETIME_SPEC("a message to several users reaches all their connections") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect("alice");
  Client& b = world.connect("bob");
  Client& c = world.connect("bob");
  Client& d = world.connect("carol");
  CHECK(a.server.send_users(Strings{"bob", "nobody", "", "alice"}, receive(1)));
  world.settle();
  CHECK(a.take() == kOne);
  CHECK(b.take() == kOne);
  CHECK(c.take() == kOne);
  CHECK(d.take().empty());
}

LIFETIME_SPEC("who is gone gets nothing, and the others still do") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect("alice");
  Client& b = world.connect("alice");
  Client& c = world.connect("alice");
  for (Client* client : {&a, &b, &c}) world.join(*client, "room");
  world.disconnect(b);
  CHECK(a.server.send_all(receive(1)));
  CHECK(a.server.send_group("room", receive(2)));
  CHECK(a.server.send_user("alice", receive(3)));
  CHECK(a.server.send_connection("client-1", receive(4)));
  world.settle();
  for (Client* client : {&a, &c}) {
    Strings got = client->take();
    std::sort(got.begin(), got.end());
    CHECK(got == Strings{"Receive(1)", "Receive(2)", "Receive(3)"});
  }
}

LIFETIME_SPEC("a reconnected client is in no group of its former connection") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(b, "room");
  world.disconnect(b);
  Client& again = world.connect();
  CHECK(a.server.send_group("room", receive(1)));
  world.settle();
  CHECK(again.take().empty());
}

LIFETIME_SPEC("messages of one sender to one group come in order") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  world.join(a, "room");
  world.join(b, "room");
  Strings expected;
  for (int i = 0; i < 500; ++i) {
    CHECK(a.server.send_group("room", receive(i)));
    expected.push_back("Receive(" + std::to_string(i) + ")");
  }
  world.settle();
  CHECK(a.take() == expected);
  CHECK(b.take() == expected);
}

LIFETIME_SPEC("after a join is done the next message to the group is never missed") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  for (int round = 0; round < 1000; ++round) {
    const std::string group = "room" + std::to_string(round % 7);
    world.join(a, group);
    CHECK(b.server.send_group(group, receive(1)));
    REQUIRE(test::turn_until(world.loop, [&] { return a.take() == kOne; }));
    world.leave(a, group);
  }
}

LIFETIME_SPEC("a message of a hundred thousand bytes arrives whole") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect();
  Client& b = world.connect();
  const std::string big(100'000, 'x');
  CHECK(a.server.send_all(receive(big)));
  world.settle();
  CHECK(a.take() == Strings{"Receive(\"" + big + "\")"});
  CHECK(b.take() == Strings{"Receive(\"" + big + "\")"});
}

LIFETIME_SPEC("a number that JSON cannot carry is null there, and the send succeeds") {
  if (!TestType::is_possible()) return;
  TestType world;
  Client& a = world.connect("", "json");
  Client& b = world.connect("", "messagepack");
  CHECK(a.server.send_all(receive(std::numeric_limits<double>::infinity())));
  world.settle();
  CHECK(a.take() == Strings{"Receive(null)"});
  CHECK(b.take() == Strings{"Receive(cb7ff0000000000000)"});
}

}  // namespace
}  // namespace hubgate::hub
