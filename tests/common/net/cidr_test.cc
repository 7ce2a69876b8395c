#include "common/net/cidr.h"

#include <vector>

#include "tests/support/catch.h"

using namespace hubgate;
using net::Address;
using net::Cidr;

namespace {

bool holds(std::string_view range, std::string_view address) {
  const auto parsed = Cidr::parse(range);
  REQUIRE(parsed);
  return parsed->contains(*Address::parse(address));
}

}  // namespace

TEST_CASE("a range holds the addresses of its prefix and no others", "[net]") {
  CHECK(holds("10.0.0.0/8", "10.255.3.4:80"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0:80"));
  CHECK(holds("192.0.2.128/25", "192.0.2.200:1"));
  CHECK_FALSE(holds("192.0.2.128/25", "192.0.2.127:1"));
  CHECK(holds("192.0.2.7", "192.0.2.7:1"));
  CHECK_FALSE(holds("192.0.2.7", "192.0.2.6:1"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9:1"));
  CHECK_FALSE(holds("0.0.0.0/0", "[::1]:1"));
  CHECK(holds("2001:db8::/33", "[2001:db8:7fff::1]:1"));
  CHECK_FALSE(holds("2001:db8::/33", "[2001:db8:8000::1]:1"));
  CHECK(holds("::1", "[::1]:1"));
  CHECK(holds("unix", "unix:/run/x"));
  CHECK_FALSE(holds("unix", "127.0.0.1:1"));
  CHECK_FALSE(holds("0.0.0.0/0", "unix:/run/x"));
}

TEST_CASE("an IPv4 address inside of IPv6 is that IPv4 address", "[net]") {
  CHECK(holds("10.0.0.0/8", "[::ffff:10.1.2.3]:80"));
  CHECK_FALSE(holds("::/0", "[::ffff:10.1.2.3]:80"));
}

TEST_CASE("what is no range is refused with a remedy", "[net]") {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1", "10.1.0.0/8", "::/129",
                           "2001:db8::1/32", "localhost", "10.0.0/8", "unix:/run/x"}) {
    CAPTURE(text);
    const auto parsed = Cidr::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK_THAT(parsed.error().what, test::contains(text));
  }
}
