#include "proxy/session/source_limits.h"

#include <vector>

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

struct Sources {
  explicit Sources(std::size_t most = 100) : sources(random, most) {}
  bool connects(const std::string& address) {
    auto admission = sources.admit_connection(*net::Address::parse(address), limits, now);
    last = admission.refusal;
    if (admission.is_admitted()) open.push_back(std::move(admission.place));
    return admission.is_admitted();
  }
  bool negotiates(const std::string& address) {
    return sources.admit_negotiate(*net::Address::parse(address), limits, now);
  }
  SeededRandom random{7};
  SourceLimits sources;
  LimitsConfig limits;
  TimePoint now{};
  SourceRefusal last{};
  std::vector<std::shared_ptr<void>> open;
};

}  // namespace

TEST_CASE("without limits no source is counted", "[proxy][session][sources]") {
  Sources test;
  for (int i = 0; i < 1000; ++i) CHECK(test.connects("192.0.2.7:1"));
  CHECK(test.negotiates("192.0.2.7:1"));
  CHECK(test.sources.size() == 0);
}

TEST_CASE("a source has so many connections at a time, and one that ends makes room", "[proxy][session][sources]") {
  Sources test;
  test.limits.source_connections = 2;
  CHECK(test.connects("192.0.2.7:1"));
  CHECK(test.connects("192.0.2.7:2"));
  CHECK_FALSE(test.connects("192.0.2.7:3"));
  CHECK(test.last == SourceRefusal::kConnections);
  CHECK(test.connects("192.0.2.8:1"));
  const std::shared_ptr<void> copy = test.open.front();
  test.open.erase(test.open.begin());
  CHECK_FALSE(test.connects("192.0.2.7:3"));  // somebody still has it
  test.open.clear();
  CHECK(test.connects("192.0.2.7:3"));
}

TEST_CASE("an IPv6 source is a network of 64 bits, and IPv4 inside of IPv6 is that IPv4", "[proxy][session][sources]") {
  Sources test;
  test.limits.source_connections = 1;
  CHECK(test.connects("[2001:db8::1]:1"));
  CHECK_FALSE(test.connects("[2001:db8::ffff:2]:1"));
  CHECK(test.connects("[2001:db8:0:1::1]:1"));
  CHECK(test.connects("192.0.2.7:1"));
  CHECK_FALSE(test.connects("[::ffff:192.0.2.7]:1"));
  CHECK(test.connects("unix:/run/x"));
  CHECK(test.connects("unix:/run/x"));
}

TEST_CASE("new connections come at their rate after a burst", "[proxy][session][sources]") {
  Sources test;
  test.limits.source_connection_rate = 2;
  test.limits.source_connection_burst = 3;
  for (int i = 0; i < 3; ++i) CHECK(test.connects("192.0.2.7:1"));
  CHECK_FALSE(test.connects("192.0.2.7:1"));
  CHECK(test.last == SourceRefusal::kConnectionRate);
  test.now += 499ms;
  CHECK_FALSE(test.connects("192.0.2.7:1"));
  test.now += 1ms;
  CHECK(test.connects("192.0.2.7:1"));
  test.now += 1h;
  for (int i = 0; i < 3; ++i) CHECK(test.connects("192.0.2.7:1"));
  CHECK_FALSE(test.connects("192.0.2.7:1"));
}

TEST_CASE("negotiates have a rate of their own", "[proxy][session][sources]") {
  Sources test;
  test.limits.source_negotiate_rate = 1;
  test.limits.source_negotiate_burst = 1;
  CHECK(test.negotiates("192.0.2.7:1"));
  CHECK_FALSE(test.negotiates("192.0.2.7:1"));
  CHECK(test.negotiates("192.0.2.8:1"));
  CHECK(test.connects("192.0.2.7:1"));
  test.now += 1s;
  CHECK(test.negotiates("192.0.2.7:1"));
}

TEST_CASE("the table has a fixed size: the quietest goes first, and never one with open connections",
          "[proxy][session][sources]") {
  Sources test(3);
  test.limits.source_connections = 1;
  test.limits.source_negotiate_rate = 1;
  test.limits.source_negotiate_burst = 1;
  CHECK(test.connects("192.0.2.1:1"));
  for (int i = 2; i < 250; ++i) CHECK(test.negotiates("192.0.2." + std::to_string(i) + ":1"));
  CHECK(test.sources.size() == 3);
  CHECK_FALSE(test.connects("192.0.2.1:2"));
  // Full of sources with open connections: a new one is served, uncounted.
  CHECK(test.connects("192.0.2.2:1"));
  CHECK(test.connects("192.0.2.3:1"));
  CHECK(test.connects("192.0.2.4:1"));
  CHECK(test.connects("192.0.2.4:2"));
  CHECK(test.sources.size() == 3);
}

TEST_CASE("a place outlives the table", "[proxy][session][sources]") {
  std::vector<std::shared_ptr<void>> open;
  {
    Sources test;
    test.limits.source_connections = 1;
    CHECK(test.connects("192.0.2.1:1"));
    open.swap(test.open);
  }
  open.clear();
}
