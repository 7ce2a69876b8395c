#include "common/redis/redis_client.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/fake_redis.h"
#include "tests/support/memory_log.h"
#include "tests/support/turn_until.h"

namespace hubgate::redis {
namespace {

using State = RedisClient::State;
using namespace std::chrono_literals;

/// A client of a FakeRedis that keeps what it is told.
struct Setup : RedisClient::Handler {
  explicit Setup(const std::string& options = "", RedisClient::Options changed = {},
                 test::FakeRedis::Kind kind = test::FakeRedis::Kind::kUnix)
      : redis(loop, kind) {
    changed.url = RedisUrl::parse(redis.url() + options).value();
    changed.first_pause = 1ms;
    changed.longest_pause = 5ms;
    client = std::make_unique<RedisClient>(loop, std::move(changed), *log, random, *this);
  }
  ~Setup() override { loop.dispose(std::move(client)); }

  void on_redis_message(std::string_view channel, Bytes payload) override {
    messages.push_back(std::string(channel) + "=" + std::string(as_text(payload)));
  }
  void on_redis_state(State state) override { states.push_back(state); }

  bool becomes(State state) {
    return test::turn_until(loop, [&] { return client->state() == state; });
  }
  RedisClient::OnConfirmed note(const std::string& name) {
    return [this, name](const Result<void>& result) {
      told.push_back(name + ": " + (result ? std::string("confirmed") : result.error().what));
    };
  }
  RedisClient::OnAnswer note_answer() {
    return [this](const Result<std::uint64_t>& result) {
      told.push_back(result ? std::to_string(*result) : result.error().what);
    };
  }

  event::Loop loop;
  test::MemoryLog log;
  SeededRandom random{1};
  test::FakeRedis redis;
  std::unique_ptr<RedisClient> client;
  std::vector<State> states;
  std::vector<std::string> messages;
  std::vector<std::string> told;
};

using Strings = std::vector<std::string>;

TEST_CASE("the publishing link opens only after every wanted channel is confirmed", "[redis]") {
  Setup setup;
  setup.client->subscribe("a");
  setup.client->subscribe("b");
  setup.redis.hold_confirmations(true);
  setup.client->start();
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.subscribers_of("b") == 1; }));
  test::turn_until_idle(setup.loop);
  CHECK(setup.redis.links() == 1);
  CHECK(setup.client->state() == State::kSubscribing);
  setup.redis.hold_confirmations(false);
  REQUIRE(setup.becomes(State::kReady));
  CHECK(setup.redis.links() == 2);
  CHECK(setup.states == std::vector<State>{State::kConnecting, State::kSubscribing, State::kReady});
}

TEST_CASE("a message comes back on the channel that it was published to, and the receivers are counted", "[redis]") {
  Setup setup;
  setup.client->subscribe("a");
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  CHECK(setup.client->publish("a", as_bytes("one"), setup.note_answer()));
  CHECK(setup.client->publish("b", as_bytes("nobody"), setup.note_answer()));
  CHECK(setup.client->publish("a", as_bytes("two"), setup.note_answer()));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.told.size() == 3 && setup.messages.size() == 2; }));
  CHECK(setup.told == Strings{"1", "0", "1"});
  CHECK(setup.messages == Strings{"a=one", "a=two"});
  CHECK(setup.client->counters().published == 3);
  CHECK(setup.client->counters().received == 2);
}

TEST_CASE("Redis is reached by a port, and over TLS, as by a socket's path", "[redis]") {
  const auto kind = GENERATE(test::FakeRedis::Kind::kTcp, test::FakeRedis::Kind::kTls);
  Setup setup("", {}, kind);
  setup.client->subscribe("a");
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  CHECK(setup.client->publish("a", as_bytes(std::string(100'000, 'x'))));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.messages.size() == 1; }));
  CHECK(setup.messages[0].size() == 100'002);
  setup.redis.go_away();
  REQUIRE(setup.becomes(State::kDown));
  setup.redis.come_back();
  REQUIRE(setup.becomes(State::kReady));
}

TEST_CASE("a host's name is resolved, and one that nobody knows is said as such", "[redis]") {
  Setup setup("", {}, test::FakeRedis::Kind::kTcp);
  std::string url = setup.redis.url();
  SECTION("localhost") {
    url.replace(url.find("127.0.0.1"), 9, "localhost");
    RedisClient client(setup.loop, {.url = RedisUrl::parse(url).value()}, *setup.log, setup.random, setup);
    client.start();
    REQUIRE(test::turn_until(setup.loop, [&] { return client.is_ready(); }));
    client.retire();
  }
  SECTION("a stranger") {
    url.replace(url.find("127.0.0.1"), 9, "no-such-host.invalid");
    RedisClient client(setup.loop, {.url = RedisUrl::parse(url).value()}, *setup.log, setup.random, setup);
    client.start();
    REQUIRE(test::turn_until(setup.loop, [&] { return client.counters().failed_connects == 1; }));
    CHECK(setup.log.contains("redis down"));
    client.retire();
  }
}

TEST_CASE("a name whose first address answers nothing leaves time for the second", "[redis]") {
  // A queue that is full: connects to it hang.
  const Descriptor deaf(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(deaf.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(::listen(deaf.get(), 0) == 0);
  const net::Address first = net::Address::local_of(deaf.get());
  std::vector<Descriptor> queue;
  for (int i = 0; i < 4; ++i) {
    queue.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    static_cast<void>(::connect(queue.back().get(), first.get(), first.length()));
  }

  Setup setup("", {}, test::FakeRedis::Kind::kTcp);
  const net::Address second = net::Address::parse(setup.redis.url().substr(8)).value();
  RedisClient::Options options;
  options.url = RedisUrl::parse("redis://redis.example:1").value();
  options.times.connect_timeout = 400ms;
  options.resolve = [&](const std::string&, std::uint16_t, net::Resolver::OnDone on_done) {
    on_done(std::vector<net::Address>{first, second});
  };
  RedisClient client(setup.loop, options, *setup.log, setup.random, setup);
  client.start();
  CHECK(test::turn_until(setup.loop, [&] { return client.is_ready() || client.counters().failed_connects > 0; }));
  CHECK(client.is_ready());
  client.retire();
}

TEST_CASE("a subscription is confirmed when Redis says so", "[redis]") {
  Setup setup;
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.hold_confirmations(true);
  setup.client->subscribe("a", setup.note("first"));
  setup.client->subscribe("a", setup.note("second"));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.subscribers_of("a") == 1; }));
  test::turn_until_idle(setup.loop);
  CHECK(setup.told.empty());
  setup.redis.hold_confirmations(false);
  REQUIRE(test::turn_until(setup.loop, [&] { return !setup.told.empty(); }));
  CHECK(setup.told == Strings{"first: confirmed", "second: confirmed"});
  setup.client->subscribe("a", setup.note("third"));
  CHECK(setup.told.back() == "third: confirmed");
}

TEST_CASE("subscriptions of one turn leave in one command", "[redis]") {
  Setup setup;
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.forget_commands();
  for (const char* channel : {"a", "b", "c"}) setup.client->subscribe(channel);
  setup.client->unsubscribe("b");
  REQUIRE(test::turn_until(setup.loop, [&] { return !setup.redis.commands().empty(); }));
  REQUIRE(setup.redis.commands().size() == 1);
  CHECK(setup.redis.commands()[0].words == Strings{"SUBSCRIBE", "a", "c"});
}

TEST_CASE("losing either link closes both, and all that was wanted comes back", "[redis]") {
  const bool subscribing = GENERATE(true, false);
  CAPTURE(subscribing);
  Setup setup;
  setup.client->subscribe("a");
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.drop_links_if(subscribing);
  REQUIRE(setup.becomes(State::kDown));
  setup.client->subscribe("b", setup.note("b"));
  CHECK(setup.told == Strings{"b: Redis is down"});
  CHECK(setup.client->publish("a", as_bytes("x")).error().code == ErrorCode::kUnavailable);
  REQUIRE(setup.becomes(State::kReady));
  CHECK(setup.redis.links() == 2);
  CHECK(setup.redis.subscribers_of("a") == 1);
  CHECK(setup.redis.subscribers_of("b") == 1);
  CHECK(setup.client->counters().disconnects == 1);
  CHECK(setup.client->counters().connects == 2);
}

TEST_CASE("whoever waits is told when the link is lost", "[redis]") {
  Setup setup;
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.hold_confirmations(true);
  setup.redis.hold_answers(true);
  setup.client->subscribe("a", setup.note("a"));
  CHECK(setup.client->publish("x", as_bytes("left"), setup.note_answer()));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.channels_of("PUBLISH").size() == 1; }));
  CHECK(setup.client->publish("x", as_bytes("stays"), setup.note_answer()));
  setup.redis.drop_links();
  REQUIRE(setup.becomes(State::kDown));
  CHECK(setup.told == Strings{"a: Redis is down", "Redis is down", "Redis is down"});
  CHECK(setup.client->counters().unknown + setup.client->counters().lost == 2);
  CHECK(setup.client->counters().unknown >= 1);
  SECTION("and nothing is published again") {
    setup.redis.hold_confirmations(false);
    setup.redis.hold_answers(false);
    setup.redis.forget_commands();
    REQUIRE(setup.becomes(State::kReady));
    test::turn_until_idle(setup.loop);
    CHECK(setup.redis.channels_of("PUBLISH").empty());
  }
}

TEST_CASE("leaving a channel that waits for its confirmation ends the wait", "[redis]") {
  Setup setup;
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.hold_confirmations(true);
  setup.client->subscribe("a", setup.note("a"));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.subscribers_of("a") == 1; }));
  setup.client->unsubscribe("a");
  CHECK(setup.told == Strings{"a: the channel was left"});
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.subscribers_of("a") == 0; }));
}

TEST_CASE("publishes beyond the queue's limit are counted as lost", "[redis]") {
  RedisClient::Options options;
  options.max_queue = 1000;
  Setup setup("", options);
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  const std::string big(600, 'x');
  CHECK(setup.client->publish("a", as_bytes(big)));
  const auto second = setup.client->publish("a", as_bytes(big));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kTooLarge);
  CHECK(setup.client->counters().lost == 1);
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.client->counters().published == 1; }));
  CHECK(setup.client->publish("a", as_bytes(big)));
}

TEST_CASE("a Redis that falls silent is given up", "[redis]") {
  RedisClient::Options options;
  options.times = {.connect_timeout = 100ms, .ping_interval = 4ms, .dead_after = 10ms};
  Setup setup("", options);
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  SECTION("but not while it answers PING") {
    const std::size_t pings = setup.redis.pings();
    REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.pings() > pings + 10; }));
    CHECK(setup.client->counters().disconnects == 0);
  }
  SECTION("when it does not") {
    setup.redis.fall_silent(true);
    REQUIRE(setup.becomes(State::kDown));
    CHECK(setup.log.contains("Redis does not answer PING"));
    REQUIRE(test::turn_until(setup.loop, [&] { return setup.client->counters().failed_connects == 2; }));
    setup.redis.fall_silent(false);
    REQUIRE(setup.becomes(State::kReady));
  }
}

TEST_CASE("links that are given up are reset, so that nothing of them arrives later; a stop lets all arrive",
          "[redis]") {
  RedisClient::Options options;
  options.times = {.connect_timeout = 100ms, .ping_interval = 4ms, .dead_after = 10ms};
  Setup setup("", options, test::FakeRedis::Kind::kTcp);
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  const bool silent = GENERATE(true, false);
  if (silent) {
    setup.redis.fall_silent(true);
    REQUIRE(setup.becomes(State::kDown));
    REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.resets() >= 2; }));
  } else {
    setup.client->stop();
    REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.links() == 0; }));
    CHECK(setup.redis.resets() == 0);
  }
}

TEST_CASE("a replica is no Redis to publish to, at the start and when a primary becomes one", "[redis]") {
  RedisClient::Options options;
  options.times = {.connect_timeout = 1s, .ping_interval = 4ms, .dead_after = 1s};
  Setup setup("", options);
  setup.client->subscribe("a");
  setup.redis.become_replica(true);
  setup.client->start();
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.client->counters().failed_connects >= 2; }));
  CHECK(setup.log.contains("Redis is a read-only replica"));
  CHECK(setup.client->counters().connects == 0);
  setup.redis.become_replica(false);
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.become_replica(true);
  REQUIRE(setup.becomes(State::kDown));
  CHECK(setup.client->counters().disconnects == 1);
  setup.redis.become_replica(false);
  REQUIRE(setup.becomes(State::kReady));
  CHECK(setup.redis.subscribers_of("a") == 1);
  // The answers to PING and ROLE are told from those to PUBLISH.
  const std::size_t pings = setup.redis.pings();
  std::size_t sent = 0;
  REQUIRE(test::turn_until(setup.loop, [&] {
    if (setup.client->publish("a", as_bytes("x"), setup.note_answer())) ++sent;
    return setup.redis.pings() > pings + 10;
  }));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.told.size() == sent; }));
  CHECK(std::count(setup.told.begin(), setup.told.end(), "1") == static_cast<std::ptrdiff_t>(sent));
  CHECK(setup.client->counters().disconnects == 1);
}

TEST_CASE("after a reset every publish is counted once, as answered, unknown or lost", "[redis]") {
  Setup setup("", {}, test::FakeRedis::Kind::kTcp);
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.hold_answers(true);
  for (int i = 0; i < 10; ++i) CHECK(setup.client->publish("a", as_bytes("left")));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.channels_of("PUBLISH").size() == 10; }));
  for (int i = 0; i < 7; ++i) CHECK(setup.client->publish("a", as_bytes("stays")));
  setup.redis.reset_links();
  REQUIRE(setup.becomes(State::kDown));
  const RedisCounters& counters = setup.client->counters();
  CHECK(counters.published == 0);
  CHECK(counters.unknown >= 10);
  CHECK(counters.unknown + counters.lost == 17);
  REQUIRE(setup.becomes(State::kReady));
  CHECK(counters.unknown + counters.lost == 17);
}

TEST_CASE("it comes back by itself however long Redis is away", "[redis]") {
  Setup setup;
  setup.redis.go_away();
  setup.client->subscribe("a");
  setup.client->start();
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.client->counters().failed_connects == 5; }));
  setup.redis.come_back();
  REQUIRE(setup.becomes(State::kReady));
  CHECK(setup.redis.subscribers_of("a") == 1);
  SECTION("with one line in the log for going and one for coming") {
    const auto count = [&](std::string_view text) {
      std::size_t lines = 0;
      for (const auto& line : setup.log.lines()) lines += line.find(text) != std::string::npos ? 1 : 0;
      return lines;
    };
    CHECK(count("redis down") == 1);
    CHECK(count("redis ready") == 1);
  }
}

TEST_CASE("a password is sent, and a wrong one is an error that the log shows without it", "[redis]") {
  char name[] = "/tmp/redis_password_XXXXXX";
  const Descriptor file(::mkstemp(name));
  REQUIRE(::write(file.get(), "sesame\n", 7) == 7);
  Setup setup("?user=alice&password_file=" + std::string(name));
  SECTION("the right one lets us in") {
    setup.redis.want_password("sesame");
    setup.client->start();
    REQUIRE(setup.becomes(State::kReady));
    CHECK(setup.redis.commands()[0].words == Strings{"AUTH", "alice", "sesame"});
  }
  SECTION("a wrong one does not") {
    setup.redis.want_password("another");
    setup.client->start();
    REQUIRE(setup.becomes(State::kDown));
    CHECK(setup.log.contains("Redis refused AUTH: WRONGPASS"));
    for (const std::string& line : setup.log.lines()) CHECK(line.find("sesame") == std::string::npos);
    setup.redis.want_password("sesame");
    REQUIRE(setup.becomes(State::kReady));
  }
  ::unlink(name);
}

TEST_CASE("a password that we lack is said as such", "[redis]") {
  Setup setup;
  setup.redis.want_password("sesame");
  setup.client->start();
  REQUIRE(setup.becomes(State::kDown));
  CHECK(setup.log.contains("NOAUTH"));
}

TEST_CASE("a database is selected and the link named on both links", "[redis]") {
  RedisClient::Options options;
  options.name = "My Hub\n";
  Setup setup("?db=3", options);
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  std::vector<Strings> words;
  for (const auto& command : setup.redis.commands()) words.push_back(command.words);
  CHECK(words == std::vector<Strings>{{"SELECT", "3"},
                                      {"CLIENT", "SETNAME", "My_Hub_:sub"},
                                      {"SELECT", "3"},
                                      {"CLIENT", "SETNAME", "My_Hub_:pub"}});
}

TEST_CASE("a refused subscription gives the links up and says why", "[redis]") {
  Setup setup;
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.refuse_channel("secret");
  setup.client->subscribe("secret", setup.note("secret"));
  REQUIRE(setup.becomes(State::kDown));
  CHECK(setup.told == Strings{"secret: Redis is down"});
  CHECK(setup.log.contains("Redis refused a subscription: NOPERM"));
}

TEST_CASE("many thousand subscriptions come back in batches", "[redis]") {
  Setup setup;
  for (int i = 0; i < 2000; ++i) setup.client->subscribe("channel" + std::to_string(i));
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  CHECK(setup.redis.channels_of("SUBSCRIBE").size() == 2000);
  for (const auto& command : setup.redis.commands()) CHECK(command.words.size() <= 513);
}

TEST_CASE("after stop everybody is told and nothing is tried again", "[redis]") {
  Setup setup;
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.hold_confirmations(true);
  setup.client->subscribe("a", setup.note("a"));
  setup.client->stop();
  CHECK(setup.client->state() == State::kDown);
  CHECK(setup.told == Strings{"a: Redis is down"});
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.links() == 0; }));
  setup.client->subscribe("b", setup.note("b"));
  CHECK(setup.told.back() == "b: Redis is down");
}

TEST_CASE("a client that is ended by one of those it tells says nothing to the others", "[redis]") {
  Setup setup;
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  setup.redis.hold_confirmations(true);
  setup.redis.hold_answers(true);
  setup.client->subscribe("a", [&](const Result<void>&) { setup.loop.dispose(std::move(setup.client)); });
  setup.client->subscribe("a", setup.note("second"));
  CHECK(setup.client->publish("x", as_bytes("x"), setup.note_answer()));
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.redis.subscribers_of("a") == 1; }));
  SECTION("when the channel is confirmed") { setup.redis.hold_confirmations(false); }
  SECTION("when the link is lost") { setup.redis.drop_links(); }
  REQUIRE(test::turn_until(setup.loop, [&] { return setup.client == nullptr; }));
  test::turn_until_idle(setup.loop);
  CHECK(setup.told.empty());
}

TEST_CASE("the messages of one read are delivered in one turn", "[redis]") {
  Setup setup;
  setup.client->subscribe("a");
  setup.client->start();
  REQUIRE(setup.becomes(State::kReady));
  for (int i = 0; i < 100; ++i) setup.redis.publish("a", std::to_string(i));
  setup.loop.turn(false);  // they leave
  REQUIRE(setup.messages.empty());
  setup.loop.turn(false);
  CHECK(setup.messages.size() == 100);
}

}  // namespace
}  // namespace hubgate::redis
