#include "hub/lifetime/redis_hub_lifetime_manager.h"

#include "tests/hub/lifetime/backplane_fixture.h"

namespace hubgate::hub {
namespace {

using test::Backplane;
using test::id_of;
using test::receive;
using State = redis::RedisClient::State;
using Strings = std::vector<std::string>;

OnSent note(Strings& told) {
  return [&told](const Result<std::uint64_t>& receivers) {
    told.push_back(receivers ? std::to_string(*receivers) : receivers.error().what);
  };
}
Done note_end(Strings& told) {
  return [&told](const Result<void>& result) { told.push_back(result ? "done" : result.error().what); };
}

void go_down(Backplane& backplane) {
  backplane.redis.go_away();
  REQUIRE(test::turn_until(backplane.loop, [&] {
    for (const auto& server : backplane.servers) {
      if (server->is_ready()) return false;
    }
    return true;
  }));
}

void come_back(Backplane& backplane) {
  backplane.redis.come_back();
  REQUIRE(test::turn_until(backplane.loop, [&] {
    for (const auto& server : backplane.servers) {
      if (!server->is_ready()) return false;
    }
    return true;
  }));
}

TEST_CASE("a message that comes from Redis is shared by all local receivers of a protocol", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a");
  auto& b = backplane.connect(server, "b");
  auto& c = backplane.connect(server, "c", "", "messagepack");
  auto& d = backplane.connect(server, "d", "", "messagepack");
  CHECK(server.send_all(receive({"x"}), {}, nullptr));
  backplane.settle();
  REQUIRE(a.transport.payloads().size() == 1);
  REQUIRE(b.transport.payloads().size() == 1);
  REQUIRE(c.transport.payloads().size() == 1);
  REQUIRE(d.transport.payloads().size() == 1);
  CHECK(a.transport.payloads()[0].shares_with(b.transport.payloads()[0]));
  CHECK(c.transport.payloads()[0].shares_with(d.transport.payloads()[0]));
}

TEST_CASE("a connection is ready for hub code when its channels are confirmed", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  backplane.redis.hold_confirmations(true);
  test::BackplaneClient client("a", "json", "alice");
  Strings told;
  server.on_connected(client.connection, note_end(told));
  backplane.settle();
  CHECK(told.empty());
  CHECK(backplane.redis.subscribers_of("Probe.ExtraHub:connection:a") == 1);
  CHECK(backplane.redis.subscribers_of("Probe.ExtraHub:user:alice") == 1);
  backplane.redis.hold_confirmations(false);
  backplane.settle();
  CHECK(told == Strings{"done"});
  server.on_disconnected(client.connection);
}

TEST_CASE("every join of a group waits for the confirmation, not only the first", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  backplane.connect(server, "a");
  backplane.connect(server, "b");
  backplane.redis.hold_confirmations(true);
  Strings told;
  server.add_to_group("a", "room", note_end(told));
  server.add_to_group("b", "room", note_end(told));
  server.add_to_group("a", "room", note_end(told));
  backplane.settle();
  CHECK(told.empty());
  backplane.redis.hold_confirmations(false);
  backplane.settle();
  CHECK(told == Strings{"done", "done", "done"});
}

TEST_CASE("leaving ends a join that waits, and so does disconnecting", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a");
  backplane.redis.hold_confirmations(true);
  Strings told;
  server.add_to_group("a", "room", note_end(told));
  server.remove_from_group("a", "room", note_end(told));
  CHECK(told == Strings{"done", "done"});
  server.add_to_group("a", "hall", note_end(told));
  server.on_disconnected(a.connection);
  CHECK(told == Strings{"done", "done", "done"});
}

TEST_CASE("an aborted connection joins nothing", "[lifetime]") {
  struct Aborted : HubConnectionContext {
    using HubConnectionContext::HubConnectionContext;
    using HubConnectionContext::mark_aborted;
  };
  Backplane backplane;
  auto& server = backplane.add_server();
  test::MemoryConnection transport("a");
  Aborted connection(transport, find_standard_protocol("json"));
  backplane.wait_for([&](Done done) { server.on_connected(connection, std::move(done)); });
  connection.mark_aborted();
  backplane.redis.forget_commands();
  CHECK(backplane.join(server, "a", "room").empty());
  backplane.settle();
  CHECK(backplane.redis.commands().empty());
  server.on_disconnected(connection);
}

TEST_CASE("a send tells how many servers got it", "[lifetime]") {
  Backplane backplane;
  auto& web1 = backplane.add_server(test::kWeb1);
  auto& web2 = backplane.add_server(test::kWeb2);
  backplane.connect(web1, "a");
  backplane.connect(web2, "b");
  backplane.join(web2, "b", "room");
  Strings told;
  CHECK(web1.send_all(receive({}), {}, note(told)));
  CHECK(web1.send_group("room", receive({}), {}, note(told)));
  CHECK(web1.send_group("nobody", receive({}), {}, note(told)));
  CHECK(web1.send_groups(Strings{"room", "nobody", "room"}, receive({}), note(told)));
  CHECK(web1.send_groups(Strings{""}, receive({}), note(told)));
  CHECK(web1.send_connection("b", receive({}), note(told)));
  CHECK(web1.send_connection("stranger", receive({}), note(told)));
  backplane.settle();
  // The two that need no answer of Redis come at once.
  CHECK(told == Strings{"0", "2", "1", "0", "2", "1", "0"});
  CHECK(web1.send_connection("a", receive({}), note(told)));
  CHECK(told.back() == "1");
}

TEST_CASE("an operation on a stranger's groups fails when nobody acks", "[lifetime]") {
  Backplane backplane;
  RedisHubLifetimeManager::Options options;
  options.redis.url = redis::RedisUrl::parse(backplane.redis.url()).value();
  options.backplane_name = "Probe.ExtraHub";
  options.ack_timeout = std::chrono::milliseconds(5);
  backplane.servers.push_back(
      std::make_unique<RedisHubLifetimeManager>(backplane.loop, std::move(options), *backplane.log, backplane.random));
  auto& server = *backplane.servers.back();
  server.start();
  REQUIRE(test::turn_until(backplane.loop, [&] { return server.is_ready(); }));
  CHECK(backplane.join(server, "stranger", "room") == "no server has the connection");
  CHECK(backplane.leave(server, "stranger", "room") == "no server has the connection");
}

TEST_CASE("every server has a name of its own", "[lifetime]") {
  Backplane backplane;
  auto& one = backplane.add_server("");
  auto& two = backplane.add_server("");
  CHECK(one.server_name() != two.server_name());
  CHECK(one.server_name().size() > 33);
  CHECK(one.server_name()[one.server_name().size() - 33] == '_');
}

TEST_CASE("while Redis is down sends reach local connections once", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a", "alice");
  auto& b = backplane.connect(server, "b");
  backplane.join(server, "a", "room");
  backplane.join(server, "b", "room");
  go_down(backplane);
  Strings told;
  const auto sent = [&](const Result<void>& result) {
    CHECK(result);
    backplane.settle();
    return std::string(a.take_messages().size(), 'a') + std::string(b.take_messages().size(), 'b');
  };
  CHECK(sent(server.send_all(receive({}), {}, note(told))) == "ab");
  CHECK(sent(server.send_all(receive({}), Strings{"a"}, note(told))) == "b");
  CHECK(sent(server.send_group("room", receive({}), {}, note(told))) == "ab");
  CHECK(sent(server.send_group("room", receive({}), Strings{"b"}, note(told))) == "a");
  CHECK(sent(server.send_groups(Strings{"room", "nobody"}, receive({}), note(told))) == "ab");
  CHECK(sent(server.send_user("alice", receive({}), note(told))) == "a");
  CHECK(sent(server.send_users(Strings{"alice", "bob"}, receive({}), note(told))) == "a");
  CHECK(sent(server.send_connections(Strings{"a", "stranger"}, receive({}), note(told))) == "a");
  CHECK(server.counters().degraded == 8);
  CHECK(server.counters().lost == 1);
  CHECK(told == Strings(8, "Redis is down"));

  CHECK(sent(server.send_connection("b", receive({}), note(told))) == "b");
  CHECK(told.back() == "1");
  CHECK(sent(server.send_connection("stranger", receive({}), note(told))).empty());
  CHECK(told.back() == "Redis is down");
  CHECK(server.counters().degraded == 8);
  CHECK(server.counters().lost == 2);
}

TEST_CASE("while Redis is down joins and new connections are done at once, and hold when it is back", "[lifetime]") {
  Backplane backplane;
  auto& web1 = backplane.add_server(test::kWeb1);
  auto& web2 = backplane.add_server(test::kWeb2);
  go_down(backplane);
  test::BackplaneClient client("a", "json", "alice");
  Strings told;
  web1.on_connected(client.connection, note_end(told));
  web1.add_to_group("a", "room", note_end(told));
  CHECK(told == Strings{"done", "done"});
  CHECK(web1.send_group("room", receive({1}), {}, nullptr));
  CHECK(client.take_messages() == Strings{"Receive(1)"});

  come_back(backplane);
  CHECK(web2.send_group("room", receive({2}), {}, nullptr));
  CHECK(web2.send_user("alice", receive({3}), nullptr));
  CHECK(web2.send_connection("a", receive({4}), nullptr));
  backplane.settle();
  CHECK(client.take_messages() == Strings{"Receive(2)", "Receive(3)", "Receive(4)"});
  web1.on_disconnected(client.connection);
}

TEST_CASE("while Redis is down what needs another server fails at once", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  go_down(backplane);
  Strings told;
  server.add_to_group("stranger", "room", note_end(told));
  server.remove_from_group("stranger", "room", note_end(told));
  CHECK(told == Strings{"Redis is down", "Redis is down"});
}

TEST_CASE("when Redis dies, joins that waited complete and acks that were awaited fail", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a");
  backplane.redis.hold_confirmations(true);
  test::BackplaneClient late("late", "json", "bob");
  Strings joined;
  Strings asked;
  server.add_to_group("a", "room", note_end(joined));
  server.on_connected(late.connection, note_end(joined));
  server.add_to_group("stranger", "room", note_end(asked));
  backplane.settle();
  CHECK(joined.empty());
  CHECK(asked.empty());
  go_down(backplane);
  CHECK(joined == Strings{"done", "done"});
  CHECK(asked == Strings{"Redis is down"});
  CHECK(server.send_group("room", receive({1}), {}, nullptr));
  CHECK(a.take_messages() == Strings{"Receive(1)"});
  SECTION("and the owner of a connection sends no ack on the next link") {
    backplane.redis.hold_confirmations(false);
    backplane.redis.forget_commands();
    come_back(backplane);
    backplane.settle();
    CHECK(backplane.redis.channels_of("PUBLISH").empty());
  }
  server.on_disconnected(late.connection);
}

TEST_CASE("publishes that were not answered when Redis died are not repeated", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a");
  backplane.redis.hold_answers(true);
  Strings told;
  CHECK(server.send_all(receive({1}), {}, note(told)));
  backplane.settle();
  CHECK(a.take_messages() == Strings{"Receive(1)"});
  go_down(backplane);
  CHECK(told == Strings{"Redis is down"});
  backplane.redis.hold_answers(false);
  come_back(backplane);
  backplane.settle();
  CHECK(a.take_messages().empty());
  CHECK(server.redis_counters().unknown == 1);
}

TEST_CASE("malformed payloads are dropped, counted, and harm nobody", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a");
  for (const char* channel : {"all", "internal:groups", "connection:a"}) {
    backplane.redis.publish("Probe.ExtraHub:" + std::string(channel), "\xc1zz");
  }
  backplane.redis.publish("Probe.ExtraHub:internal:ack:" + std::string(test::kWeb1), "\x91\xa1x");
  backplane.redis.publish("Probe.ExtraHub:internal:ack:" + std::string(test::kWeb1), "\x91\x63");
  backplane.settle();
  CHECK(server.counters().malformed == 4);
  CHECK(server.is_ready());
  CHECK(server.send_all(receive({1}), {}, nullptr));
  backplane.settle();
  CHECK(a.take_messages() == Strings{"Receive(1)"});
}

TEST_CASE("a question for a client's result is not passed on as a plain message", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a");
  backplane.redis.publish("Probe.ExtraHub:connection:a", std::string("\x94\x90\x81\xa4json\xc4\x03{}\x1e\xa2id\xa7"
                                                                     "channel"));
  backplane.settle();
  CHECK(a.take_messages().empty());
  CHECK(server.counters().unsupported == 1);
}

TEST_CASE("after stop sends stay local and everything that waits has ended", "[lifetime]") {
  Backplane backplane;
  auto& server = backplane.add_server();
  auto& a = backplane.connect(server, "a");
  Strings told;
  server.add_to_group("stranger", "room", note_end(told));
  server.stop();
  CHECK(told == Strings{"Redis is down"});
  CHECK(server.send_all(receive({1}), {}, nullptr));
  CHECK(a.take_messages() == Strings{"Receive(1)"});
}

}  // namespace
}  // namespace hubgate::hub
