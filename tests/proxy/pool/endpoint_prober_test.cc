#include "proxy/pool/endpoint_prober.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>

#include "proxy/pool/pool.h"
#include "tests/support/bad_responses.h"
#include "tests/support/catch.h"
#include "tests/support/fake_upstream.h"
#include "tests/support/manual_timers.h"
#include "tests/support/memory_log.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;
using namespace std::chrono_literals;
using Health = Endpoint::Health;

namespace {

const std::string kGood = "HTTP/1.1 204 No Content\r\n\r\n";
const std::string kBad = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

PoolConfig pool_config() {
  PoolConfig config;
  config.name = "web";
  return config;
}

// One endpoint, asked on a clock that is moved by hand, with answers over real sockets.
struct Fixture {
  explicit Fixture(std::string path = "/healthz", std::vector<net::Address> addresses = {}) {
    health.path = std::move(path);
    server.script.answer = kGood;
    if (addresses.empty()) addresses = {server.address()};
    endpoint = &pool.add({.name = "a:1", .key = {1, 0}}, std::move(addresses));
    prober.emplace(loop, timers, random, *endpoint, health);
  }
  // In small steps: what is asked is answered at its time.
  void advance(Duration by) {
    for (const TimePoint end = timers.now() + by; timers.now() < end;) {
      timers.advance(std::min<Duration>(20ms, end - timers.now()));
      turn();
    }
  }
  void turn() {
    for (int i = 0; i < 4; ++i) {
      loop.turn(false);
      server.turn();
      other.turn();
    }
  }
  // Until another probe has been answered.
  Health after_probe() {
    const std::uint64_t before = endpoint->counters.probes;
    while (endpoint->counters.probes == before) advance(20ms);
    advance(20ms);
    return endpoint->health();
  }
  std::size_t changes() const {
    return static_cast<std::size_t>(std::count_if(log.lines().begin(), log.lines().end(), [](const std::string& line) {
      return line.find("endpoint health") != std::string::npos;
    }));
  }

  event::Loop loop;
  ManualTimers timers;
  MemoryLog log;
  SeededRandom random{1};
  FakeUpstream server, other;
  Pool pool{loop, timers, *log, pool_config(), LimitsConfig()};
  HealthConfig health;
  Endpoint* endpoint = nullptr;
  std::optional<EndpointProber> prober;
};

}  // namespace

TEST_CASE("an endpoint may be used before it is asked, and the first answer decides, either way", "[proxy][pool]") {
  Fixture f;
  const bool good = GENERATE(true, false);
  if (!good) f.server.script.answer = kBad;
  CHECK(f.endpoint->health() == Health::kUnknown);
  CHECK(f.endpoint->is_available());
  f.advance(250ms);
  CHECK(f.endpoint->health() == (good ? Health::kHealthy : Health::kUnhealthy));
  CHECK(f.endpoint->is_available() == good);
  CHECK(f.endpoint->warmth() == 1);
}

TEST_CASE("three failures in a row make it unhealthy, two successes healthy again, and only that is logged",
          "[proxy][pool]") {
  Fixture f;
  CHECK(f.after_probe() == Health::kHealthy);
  f.server.script.answer = kBad;
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.after_probe() == Health::kHealthy);
  f.server.script.answer = kGood;
  CHECK(f.after_probe() == Health::kHealthy);
  f.server.script.answer = kBad;
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.after_probe() == Health::kUnhealthy);
  CHECK(f.changes() == 2);
  CHECK(f.log.contains(
      R"("endpoint health" pool=web endpoint=a:1 health=unhealthy error="/healthz was answered by 503")"));
  f.server.script.answer = kGood;
  CHECK(f.after_probe() == Health::kUnhealthy);
  f.server.script.answer = kBad;
  CHECK(f.after_probe() == Health::kUnhealthy);
  f.server.script.answer = kGood;
  CHECK(f.after_probe() == Health::kUnhealthy);
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.changes() == 3);
  CHECK(f.endpoint->counters.probe_failures == 6);
  CHECK(f.endpoint->counters.probes == 11);
}

TEST_CASE("one that comes back gets its share slowly", "[proxy][pool]") {
  Fixture f;
  f.server.script.answer = kBad;
  f.after_probe();
  f.server.script.answer = kGood;
  f.after_probe();
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.endpoint->warmth() < 0.2);
  f.advance(30s);
  CHECK(f.endpoint->warmth() == 1);
}

TEST_CASE("a probe asks for the path, names its endpoint, and wants no second request", "[proxy][pool]") {
  Fixture f("/healthz?deep=1");
  f.after_probe();
  const std::string asked = f.server.received();
  CHECK(asked.substr(0, asked.find("\r\n")) == "GET /healthz?deep=1 HTTP/1.1");
  CHECK_THAT(asked, contains("Host: a:1\r\n"));
  CHECK_THAT(asked, contains("Connection: close\r\n"));
  CHECK(f.server.connections.size() == 1);
  CHECK(f.server.connections[0].ended);
}

TEST_CASE("only 2xx of proper HTTP is healthy", "[proxy][pool]") {
  Fixture f;
  const auto answer = GENERATE_COPY(from_range([] {
    std::vector<std::string> all = {"HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
                                    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
                                    "HTTP/1.1 200\r\nbad head\r\n\r\n", "hello\r\n\r\n"};
    return all;
  }()));
  CAPTURE(answer);
  f.server.script.answer = answer;
  CHECK(f.after_probe() == Health::kUnhealthy);
}

TEST_CASE("an interim answer is not the answer, and the body need not come", "[proxy][pool]") {
  Fixture f;
  f.server.script.answer = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx";
  CHECK(f.after_probe() == Health::kHealthy);
}

TEST_CASE("an answer that does not come in time is a failure, and the next probe waits for it", "[proxy][pool]") {
  Fixture f;
  f.server.script.reads = false;
  const Duration patience = GENERATE(1s, 10s);
  f.health.timeout = std::chrono::duration_cast<milliseconds>(patience);
  f.prober->set_config(f.health);
  while (f.server.connections.empty()) f.advance(20ms);
  f.advance(patience - 200ms);
  CHECK(f.endpoint->health() == Health::kUnknown);
  CHECK(f.server.connections.size() == 1);
  f.advance(300ms);
  CHECK(f.endpoint->health() == Health::kUnhealthy);
  CHECK(f.log.contains("no answer in time"));
}

TEST_CASE("without a path a connection is enough, and a refused one is a failure", "[proxy][pool]") {
  Fixture f("");
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.server.received().empty());
  CHECK(f.server.connections[0].ended);
  f.server.stop_listening();
  f.after_probe();
  f.after_probe();
  CHECK(f.after_probe() == Health::kUnhealthy);
  CHECK(f.log.contains("Connection refused"));
}

TEST_CASE("probes are two seconds apart, a fifth more or less, and never in step", "[proxy][pool]") {
  Fixture f;
  f.after_probe();
  std::vector<Duration> gaps;
  for (int i = 0; i < 50; ++i) {
    const TimePoint before = f.timers.now();
    f.after_probe();
    gaps.push_back(f.timers.now() - before);
  }
  const auto [least, most] = std::minmax_element(gaps.begin(), gaps.end());
  CHECK(*least >= 1560ms);
  CHECK(*least < 1750ms);
  CHECK(*most <= 2440ms);
  CHECK(*most > 2250ms);
}

TEST_CASE("a new question is asked soon, and what was known stays until it is answered", "[proxy][pool]") {
  Fixture f;
  f.health.interval = 60s;
  f.prober->set_config(f.health);
  CHECK(f.after_probe() == Health::kHealthy);
  f.health.path = "/other";
  f.prober->set_config(f.health);
  CHECK(f.endpoint->health() == Health::kHealthy);
  f.advance(250ms);
  CHECK_THAT(f.server.received(), contains("GET /other"));
  const std::size_t asked = f.server.connections.size();
  f.health.fall = 1;  // the same question, judged otherwise
  f.prober->set_config(f.health);
  f.server.script.answer = kBad;
  f.advance(250ms);
  CHECK(f.server.connections.size() == asked);
  CHECK(f.after_probe() == Health::kUnhealthy);
}

TEST_CASE("of several addresses the one that answers is used, and tried first from then on", "[proxy][pool]") {
  FakeUpstream dead;
  const net::Address nobody = dead.address();
  dead.stop_listening();
  Fixture f("");
  f.endpoint->set_addresses({nobody, f.server.address(), f.other.address()});
  f.prober->ask_soon(true);
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.endpoint->addresses().front().to_string() == f.server.address().to_string());
  CHECK(f.endpoint->addresses().size() == 3);
  f.server.stop_listening();
  CHECK(f.after_probe() == Health::kHealthy);
  CHECK(f.endpoint->addresses().front().to_string() == f.other.address().to_string());
  // An answer of the name in another order moves nobody.
  f.endpoint->set_addresses({nobody, f.server.address(), f.other.address()});
  CHECK(f.endpoint->addresses().front().to_string() == f.other.address().to_string());
}

TEST_CASE("nobody is asked where there is no address", "[proxy][pool]") {
  Fixture f;
  f.endpoint->set_addresses({});
  f.advance(10s);
  CHECK(f.endpoint->counters.probes == 0);
  CHECK(f.endpoint->health() == Health::kUnknown);
  CHECK_FALSE(f.endpoint->is_available());
  f.endpoint->set_addresses({f.server.address()});
  f.prober->ask_soon(true);
  CHECK(f.after_probe() == Health::kHealthy);
}

TEST_CASE("our own want of descriptors makes no endpoint unhealthy", "[proxy][pool]") {
  Fixture f;
  CHECK(f.after_probe() == Health::kHealthy);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{3, limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  f.advance(15s);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  CHECK(f.endpoint->counters.probes >= 6);
  CHECK(f.endpoint->health() == Health::kHealthy);
  CHECK(f.endpoint->counters.probe_failures == 0);
}

TEST_CASE("a prober that ends takes its probe along", "[proxy][pool]") {
  Fixture f;
  f.server.script.reads = false;
  while (f.server.connections.empty()) f.advance(20ms);
  f.prober.reset();
  f.server.connections[0].script.reads = true;
  f.advance(20ms);
  CHECK(f.server.connections[0].ended);
  CHECK_FALSE(f.timers.has_running());
}
