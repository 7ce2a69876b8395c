#include "proxy/pool/host_watch.h"

#include <optional>

#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;
using namespace std::chrono_literals;
using Found = net::Resolver::Found;

namespace {

// Questions are answered by hand.
struct Fixture {
  void answer(std::vector<std::string> addresses, Duration ttl = 60s) {
    Found found{{}, ttl};
    for (const std::string& text : addresses) found.addresses.push_back(*net::Address::parse(text));
    std::exchange(question, nullptr)(std::move(found));
  }
  void fail() { std::exchange(question, nullptr)(make_error(ErrorCode::kNotFound, "no such name", Side::kUpstream)); }
  // How long until it is asked again; not longer than a day.
  Duration until_asked() {
    const TimePoint begin = timers.now();
    while (!question && timers.now() - begin < 24h) timers.advance(100ms);
    return timers.now() - begin;
  }

  event::Loop loop;
  ManualTimers timers;
  SeededRandom random{1};
  net::Resolver::OnFound question;
  std::string asked_for;
  std::vector<std::string> told;  // addresses, joined; "!what" for an error
  std::optional<HostWatch> watch{std::in_place,
                                 loop,
                                 timers,
                                 random,
                                 [this](const std::string& host, std::uint16_t port, net::Resolver::OnFound on_found) {
                                   asked_for = host + ":" + std::to_string(port);
                                   question = std::move(on_found);
                                 },
                                 "app.internal",
                                 9000,
                                 [this](const Result<std::vector<net::Address>>& addresses) {
                                   if (!addresses) return told.push_back("!" + addresses.error().what);
                                   std::string all;
                                   for (const net::Address& one : *addresses) all += one.to_string() + " ";
                                   told.push_back(all);
                                 }};
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a name is resolved at once, and told once while its addresses stay, in whatever order", "[proxy][pool]") {
  Fixture f;
  CHECK(f.asked_for == "app.internal:9000");
  f.answer({"10.0.0.1:9000", "10.0.0.2:9000"});
  f.until_asked();
  f.answer({"10.0.0.2:9000", "10.0.0.1:9000"});
  CHECK(f.told == Lines{"10.0.0.1:9000 10.0.0.2:9000 "});
  f.until_asked();
  f.answer({"10.0.0.2:9000"});
  CHECK(f.told.back() == "10.0.0.2:9000 ");
}

TEST_CASE("it is asked again when the time to live is over, not sooner than five seconds nor later than five minutes",
          "[proxy][pool]") {
  Fixture f;
  struct Row {
    Duration ttl;
    Duration expected;
  };
  const Row row = GENERATE(values<Row>({{0s, 5s}, {1s, 5s}, {60s, 60s}, {24h, 5min}}));
  f.answer({"10.0.0.1:9000"}, row.ttl);
  const Duration wait = f.until_asked();
  CHECK(wait >= row.expected);
  CHECK(wait <= row.expected * 11 / 10 + 100ms);
}

TEST_CASE("a failure is told once, retried soon, and so is its end", "[proxy][pool]") {
  Fixture f;
  f.fail();
  CHECK(f.until_asked() <= 5600ms);
  f.fail();
  f.until_asked();
  f.answer({"10.0.0.1:9000"});
  f.until_asked();
  f.fail();
  f.until_asked();
  f.fail();
  f.until_asked();
  f.answer({"10.0.0.1:9000"});  // as before, but told: it was lost
  CHECK(f.told == Lines{"!no such name", "10.0.0.1:9000 ", "!no such name", "10.0.0.1:9000 "});
}

TEST_CASE("a name has sixteen addresses at most", "[proxy][pool]") {
  Fixture f;
  std::vector<std::string> many;
  for (int i = 1; i <= 100; ++i) many.push_back("10.0.0." + std::to_string(i) + ":1");
  f.answer(many);
  CHECK(std::count(f.told[0].begin(), f.told[0].end(), ' ') == 16);
}

TEST_CASE("an answer that comes after the end is nobody's", "[proxy][pool]") {
  Fixture f;
  f.watch.reset();
  f.answer({"10.0.0.1:9000"});
  CHECK(f.told.empty());
  CHECK_FALSE(f.timers.has_running());
}
