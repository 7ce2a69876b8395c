#include "common/net/address.h"

#include "tests/support/catch.h"

using namespace hubgate;

TEST_CASE("addresses read and print the same", "[net]") {
  for (const char* text : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:65535", "unix:/tmp/a.sock"}) {
    CAPTURE(text);
    const auto address = net::Address::parse(text);
    REQUIRE(address);
    CHECK(address->to_string() == text);
  }
  CHECK(net::Address::parse("127.0.0.1:8080")->port() == 8080);
  CHECK(net::Address::parse("[::1]:1")->host() == "::1");
  CHECK(net::Address::parse("127.9.9.9:1")->is_loopback());
  CHECK_FALSE(net::Address::parse("10.0.0.1:1")->is_loopback());
}

TEST_CASE("what is no address is refused with the reason", "[net]") {
  const std::pair<const char*, const char*> rows[] = {
      {"127.0.0.1", "no port"},  {"127.0.0.1:x", "port"}, {"127.0.0.1:65536", "port"}, {"localhost:80", "no IPv4"},
      {"::1:80", "in brackets"}, {"[::g]:80", "no IPv6"}, {"unix:", "path is empty"},  {"", "no port"}};
  for (const auto& [text, why] : rows) {
    CAPTURE(text);
    const auto address = net::Address::parse(text);
    REQUIRE_FALSE(address);
    CHECK_THAT(address.error().what, test::contains(why));
  }
  CHECK_FALSE(net::Address::parse("unix:/" + std::string(200, 'a')));
}
