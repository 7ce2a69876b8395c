#include "common/net/resolver.h"

#include <optional>

#include "tests/support/catch.h"
#include "tests/support/fake_name_server.h"

using namespace hubgate;

namespace {
Result<std::vector<net::Address>> resolved(const std::string& host) {
  event::Loop loop;
  net::Resolver resolver(loop);
  std::optional<Result<std::vector<net::Address>>> answer;
  resolver.resolve(host, 6379, [&](Result<std::vector<net::Address>> result) { answer.emplace(std::move(result)); });
  CHECK_FALSE(answer.has_value());  // never out of resolve()
  while (!answer) loop.turn(true);
  return *std::move(answer);
}
}  // namespace

TEST_CASE("localhost and numeric hosts resolve without a name server", "[net]") {
  const auto local = resolved("localhost");
  REQUIRE(local);
  CHECK(local->front().is_loopback());
  CHECK(local->front().port() == 6379);
  const auto numeric = resolved("127.0.0.9");
  REQUIRE(numeric);
  CHECK(numeric->front().to_string() == "127.0.0.9:6379");
  CHECK(resolved("::1")->front().to_string() == "[::1]:6379");
}

TEST_CASE("an answer says how long it may be kept", "[net]") {
  event::Loop loop;
  test::FakeNameServer server;
  server.table["app.internal"] = {{"192.0.2.1", "192.0.2.2"}, 77};
  net::Resolver resolver(loop, server.address());
  std::optional<Result<net::Resolver::Found>> answer;
  const auto ask = [&](const std::string& host) -> Result<net::Resolver::Found> {
    answer.reset();
    resolver.look_up(host, 80, [&](Result<net::Resolver::Found> found) { answer.emplace(std::move(found)); });
    while (!answer) {
      server.turn();
      loop.turn(false);
    }
    return *answer;
  };
  const auto found = ask("app.internal");
  REQUIRE(found);
  CHECK(found->ttl == std::chrono::seconds(77));
  REQUIRE(found->addresses.size() == 2);
  CHECK(found->addresses[0].to_string() == "192.0.2.1:80");
  CHECK(ask("other.internal").error().code == ErrorCode::kNotFound);
  CHECK(ask("localhost")->ttl == Duration::zero());
}

TEST_CASE("what is no name is an error that names it", "[net]") {
  const auto bad = resolved("no such host");
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error().what, test::contains("no such host"));
  CHECK(bad.error().side == Side::kUpstream);
}

TEST_CASE("a destroyed resolver does not answer", "[net]") {
  event::Loop loop;
  bool answered = false;
  {
    net::Resolver resolver(loop);
    resolver.resolve("name.invalid", 1, [&](const auto&) { answered = true; });
    resolver.resolve("127.0.0.1", 1, [&](const auto&) { answered = true; });  // answered at once, told later
  }
  loop.turn(false);
  CHECK_FALSE(answered);
}
