#include "hub/connections/origin_list.h"

#include <string>

#include "tests/support/catch.h"

namespace hubgate::hub {
namespace {

using Verdict = OriginList::Verdict;

http::RequestHead from(const std::string& origin, const std::string& host = "hub.example") {
  http::RequestHead head;
  head.method = "POST";
  head.headers.add("Host", host);
  head.headers.add("Origin", origin);
  return head;
}

TEST_CASE("without a list a page must come from the server's own name", "[hub][cors]") {
  const OriginList list;
  CHECK(list.judge(from("https://hub.example"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("http://HUB.example"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("https://hub.example", "hub.example:443"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("http://127.0.0.1:8080", "127.0.0.1:8080"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("https://evil.example"), false) == Verdict::kRefused);
  CHECK(list.judge(from("https://hub.example.evil"), false) == Verdict::kRefused);
  CHECK(list.judge(from("https://hub.example:8443"), false) == Verdict::kRefused);
  CHECK(list.judge(from("null"), false) == Verdict::kRefused);
  CHECK(list.judge(from(""), false) == Verdict::kRefused);
  CHECK(list.judge(from("https://", ""), false) == Verdict::kRefused);
  http::RequestHead twice = from("https://hub.example");
  twice.headers.add("Origin", "https://hub.example");
  CHECK(list.judge(twice, false) == Verdict::kRefused);
  http::RequestHead none = from("x");
  none.headers.remove("Origin");
  CHECK(list.judge(none, false) == Verdict::kNoPage);
}

TEST_CASE("behind the gateway the name that the client asked for counts, from no one else", "[hub][cors]") {
  const OriginList list;
  http::RequestHead head = from("https://www.example", "10.0.0.1:80");
  head.headers.add("X-Forwarded-Host", "www.example");
  CHECK(list.judge(head, true) == Verdict::kAllowed);
  CHECK(list.judge(head, false) == Verdict::kRefused);
}

TEST_CASE("a list names origins, all names below one, or everybody", "[hub][cors]") {
  const OriginList list =
      OriginList::make({"https://App.Example:443", "http://dev.example:3000", "https://*.team.example"}).value();
  CHECK(list.judge(from("https://app.example"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("http://app.example"), false) == Verdict::kRefused);
  CHECK(list.judge(from("http://dev.example:3000"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("http://dev.example"), false) == Verdict::kRefused);
  CHECK(list.judge(from("https://a.team.example"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("https://a.b.team.example"), false) == Verdict::kAllowed);
  CHECK(list.judge(from("https://team.example"), false) == Verdict::kRefused);
  CHECK(list.judge(from("https://.team.example"), false) == Verdict::kRefused);
  CHECK(list.judge(from("https://evilteam.example"), false) == Verdict::kRefused);
  CHECK(list.judge(from("http://a.team.example"), false) == Verdict::kRefused);
  const OriginList open = OriginList::make({"*", "https://app.example"}).value();
  CHECK(open.judge(from("https://else.example"), false) == Verdict::kAnybody);
  CHECK(open.judge(from("https://app.example"), false) == Verdict::kAllowed);
}

TEST_CASE("what is no origin is refused by name", "[hub][cors]") {
  for (const char* entry : {"", "null", "app.example", "https://", "https://app.example/", "https://app.example/x",
                            "https://*", "https://a.*.example", "://app.example", "https://a b"}) {
    CAPTURE(entry);
    const auto made = OriginList::make({entry});
    REQUIRE_FALSE(made);
    CHECK_THAT(made.error().what, hubgate::test::contains("'" + std::string(entry) + "'"));
  }
  CHECK_FALSE(OriginList::make(std::vector<std::string>(1000, "https://a-name-of-some-length.example")));
}

TEST_CASE("answers name the origin exactly, and never everybody with credentials", "[hub][cors]") {
  const OriginList list = OriginList::make({"*", "https://app.example"}).value();
  http::Headers named;
  list.describe(Verdict::kAllowed, from("https://APP.example"), named);
  CHECK(named.get("Access-Control-Allow-Origin") == "https://APP.example");
  CHECK(named.get("Access-Control-Allow-Credentials") == "true");
  CHECK(named.get("Vary") == "Origin");
  http::Headers anybody;
  list.describe(Verdict::kAnybody, from("https://else.example"), anybody);
  CHECK(anybody.get("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(anybody.has("Access-Control-Allow-Credentials"));
  http::Headers refused;
  list.describe(Verdict::kRefused, from("https://else.example"), refused);
  CHECK_FALSE(refused.has("Access-Control-Allow-Origin"));
}

}  // namespace
}  // namespace hubgate::hub
