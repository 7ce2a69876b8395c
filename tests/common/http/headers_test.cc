#include "common/http/headers.h"

#include "common/http/cookie.h"
#include "tests/support/catch.h"

namespace hubgate::http {

TEST_CASE("fields keep their order and their case and are found without it", "[http][headers]") {
  Headers headers{{"Host", "h"}, {"X-A", "1"}, {"x-a", "2"}};
  CHECK(headers.size() == 3);
  CHECK(headers.get("x-A") == "1");
  CHECK(headers.count("X-a") == 2);
  CHECK_FALSE(headers.has("X"));
  CHECK(headers[2] == Headers::Field{"x-a", "2"});
}

TEST_CASE("set leaves one field in the place of the first", "[http][headers]") {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  headers.set("A", "new");
  CHECK(headers == Headers{{"A", "new"}, {"B", "2"}});
  headers.set("C", "4");
  CHECK(headers == Headers{{"A", "new"}, {"B", "2"}, {"C", "4"}});
}

TEST_CASE("a field may be made of another one's view", "[http][headers]") {
  Headers headers{{"A", std::string(100, 'x')}};
  for (int i = 0; i < 20; ++i) headers.add(headers[0].name, headers[0].value);
  CHECK(headers[20] == Headers::Field{"A", std::string(100, 'x')});
  headers.set("A", headers[3].value);
  CHECK(headers == Headers{{"A", std::string(100, 'x')}});
}

TEST_CASE("removing takes every field of the name", "[http][headers]") {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  CHECK(headers.remove("a") == 2);
  CHECK(headers.remove("a") == 0);
  CHECK(headers == Headers{{"B", "2"}});
}

TEST_CASE("tokens are found in any line of a list", "[http][headers]") {
  const Headers headers{{"Connection", "a, ,\tUpgrade "}, {"connection", "close"}};
  CHECK(headers.has_token("Connection", "upgrade"));
  CHECK(headers.has_token("Connection", "CLOSE"));
  CHECK_FALSE(headers.has_token("Connection", "up"));
}

TEST_CASE("fields for one hop are removed, with all that Connection names", "[http][headers]") {
  Headers headers{{"Connection", "X-Hop, close"},
                  {"X-Hop", "1"},
                  {"Keep-Alive", "5"},
                  {"TE", "trailers"},
                  {"Trailer", "X"},
                  {"Upgrade", "h2c"},
                  {"HTTP2-Settings", "a"},
                  {"X-End", "2"},
                  {"Proxy-Authorization", "a"},
                  {"Transfer-Encoding", "chunked"}};
  remove_hop_by_hop(headers);
  CHECK(headers == Headers{{"X-End", "2"}});
}

TEST_CASE("cookies are found in any Cookie field", "[http][cookie]") {
  const Headers headers{{"Cookie", "a=1; b=\"two\"; =x; c"}, {"cookie", "d=4;a=5"}};
  CHECK(cookie_value(headers, "a") == "1");
  CHECK(cookie_value(headers, "b") == "two");
  CHECK(cookie_value(headers, "d") == "4");
  CHECK_FALSE(cookie_value(headers, "A"));
  CHECK_FALSE(cookie_value(headers, "c"));
  CHECK(parse_cookies("a=1; x ;b = 2=3") == std::vector<Cookie>{{"a", "1"}, {"b", "2=3"}});
}

}  // namespace hubgate::http
