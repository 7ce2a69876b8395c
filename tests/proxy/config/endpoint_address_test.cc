#include "proxy/config/endpoint_address.h"

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using test::contains;

TEST_CASE("an endpoint is an address, or a name and a port", "[config]") {
  const auto address = GENERATE(as<std::string>{}, "10.0.0.1:80", "[::1]:8080", "unix:/run/app.sock");
  const auto numeric = EndpointAddress::parse(address);
  REQUIRE(numeric.has_value());
  CHECK_FALSE(numeric->is_name());
  CHECK(numeric->address.to_string() == address);

  const auto host = GENERATE(as<std::string>{}, "app", "app.internal", "app-1.my_net.example.", "1.app", "localhost",
                             "xn--bcher-kva.example", "10.0.0.1a", "unix.example");
  const auto name = EndpointAddress::parse(host + ":9000");
  REQUIRE(name.has_value());
  CHECK(name->is_name());
  CHECK(name->host == host);
  CHECK(name->port == 9000);
}

TEST_CASE("what is neither is refused with a reason", "[config]") {
  const auto text = GENERATE(as<std::string>{}, "", ":80", "app", "app:", "app:x", "app:65536", "app:-1",
                             "10.0.0.256:80", "1.2.3:80", "-app:80", "app-:80", "a..b:80", ".a:80", "a b:80", "a/b:80",
                             "user@app:80", "::1:80", "[app]:80", "unix:", "http://app:80", "bücher.example:80");
  CAPTURE(text);
  const auto parsed = EndpointAddress::parse(text);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == ErrorCode::kInvalid);
  CHECK_THAT(parsed.error().what, contains("(write"));
  CHECK_FALSE(EndpointAddress::parse(std::string(64, 'a') + ":80").has_value());
  CHECK(EndpointAddress::parse(std::string(63, 'a') + ":80").has_value());
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  CHECK(EndpointAddress::parse(longest.substr(0, 253) + ":80").has_value());
  CHECK_FALSE(EndpointAddress::parse("ab" + longest.substr(1, 252) + "b:80").has_value());
}

TEST_CASE("a port of zero is none", "[config]") {
  CHECK_THAT(EndpointAddress::parse("app:0").error().what, contains("'app:0' has no port"));
  CHECK_THAT(EndpointAddress::parse("10.0.0.1:0").error().what, contains("'10.0.0.1:0' has no port"));
}
