#include "common/http/uri.h"

#include "common/http/date.h"
#include "tests/support/catch.h"

namespace hubgate::http {

TEST_CASE("paths are normalised once, without merging slashes", "[http][uri]") {
  const auto normal = [](std::string_view path) {
    return normalise_path(path).value_or(NormalisedPath{"refused", 0}).text;
  };
  CHECK(normal("/") == "/");
  CHECK(normal("/a/b") == "/a/b");
  CHECK(normal("/%61%2D%7e%5f%2E") == "/a-~_.");
  CHECK(normal("/a%20%c3%a4") == "/a%20%C3%A4");
  CHECK(normal("/a/./b/../c") == "/a/c");
  CHECK(normal("/a/%2e%2E/c") == "/c");
  CHECK(normal("/../../x") == "/x");
  CHECK(normal("/a/..") == "/");
  CHECK(normal("/a/.") == "/a/");
  CHECK(normal("/a//b//") == "/a//b//");
  CHECK(normal("/a//../b") == "/a/b");
  CHECK(normal("/.../.a/a.") == "/.../.a/a.");
  CHECK(normal("/%252e") == "/%252e");
  CHECK(normal("") == "refused");
  CHECK(normal("a") == "refused");
  CHECK(normal("/a\\b") == "refused");
  CHECK(normal("/%00") == "refused");
  CHECK(normal("/%4") == "refused");
  CHECK(normal("/%zz") == "refused");
}

TEST_CASE("a normalised path stays as it is", "[http][uri]") {
  for (const char* path : {"/a/./b/..", "/%2f..%5c/%41", "/a//../..//b", "/%7E/%25/.", "/..//.."}) {
    CAPTURE(path);
    const auto once = normalise_path(path);
    REQUIRE(once);
    CHECK(normalise_path(once->text)->text == once->text);
  }
}

TEST_CASE("encoded separators are told with their place", "[http][uri]") {
  CHECK(normalise_path("/a/b")->encoded_separator == std::string::npos);
  CHECK(normalise_path("/a%2fb")->encoded_separator == 2);
  CHECK(normalise_path("/ab%5Cb%2F")->encoded_separator == 3);
  CHECK(normalise_path("/x%2f/../ab")->encoded_separator == std::string::npos);
}

TEST_CASE("a path with its separators decoded is normalised anew", "[http][uri]") {
  CHECK(with_separators_decoded("/a%2Fb%5Cc") == "/a/b/c");
  CHECK(with_separators_decoded("/a%2F..%2Fb") == "/b");
  CHECK(with_separators_decoded("/a/..%2Fb") == "/b");
  CHECK(with_separators_decoded("/%252F%20") == "/%252F%20");
}

TEST_CASE("query keys have no case and values are decoded once", "[http][uri]") {
  CHECK(query_value("a=1&ID=x%2Dy%252d&id=z", "id") == "x-y%2d");
  CHECK(query_values("a=1&ID=x&i%64=z&=q&id", "id") == std::vector<std::string>{"x", "z", ""});
  CHECK(query_value("user=a+b%zz", "user") == "a b%zz");
  CHECK_FALSE(query_value("", "id"));
  CHECK_FALSE(query_value("idx=1&&", "id"));
  CHECK(query_values("&&a=1", "").empty());
}

TEST_CASE("strict decoding refuses broken triplets", "[http][uri]") {
  CHECK(percent_decode("a%20b+") == "a b+");
  CHECK_FALSE(percent_decode("%2"));
  CHECK_FALSE(percent_decode("%g0"));
}

TEST_CASE("targets are cut at the first question mark", "[http][uri]") {
  CHECK(split_target("/a?b?c").path == "/a");
  CHECK(split_target("/a?b?c").query == "b?c");
  CHECK(split_target("/a?").has_query);
  CHECK_FALSE(split_target("/a").has_query);
}

TEST_CASE("hosts are names or addresses with an optional port", "[http][uri]") {
  for (const char* host : {"h", "h:", "h:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "a_b.c-d", "[::ffff:1.2.3.4]"}) {
    CAPTURE(host);
    CHECK(is_valid_host(host));
  }
  for (const char* host :
       {"", ":80", "a b", "a/b", "a@b", "[::1", "[]", "[::1]80", "h:123456", "h:-1", "a:b:c", "\xc3\xa4", "%2"}) {
    CAPTURE(host);
    CHECK_FALSE(is_valid_host(host));
  }
}

TEST_CASE("dates are written and read in the one form that is not obsolete", "[http][date]") {
  const std::chrono::system_clock::time_point time{std::chrono::seconds(784111777)};
  CHECK(format_date(time) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(parse_date("Sun, 06 Nov 1994 08:49:37 GMT") == time);
  CHECK_FALSE(parse_date("Mon, 06 Nov 1994 08:49:37 GMT"));
  CHECK_FALSE(parse_date("Sun, 31 Feb 1994 08:49:37 GMT"));
  CHECK_FALSE(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"));
  CHECK_FALSE(parse_date("Sun, 06 Nov 1994 25:49:37 GMT"));
  CHECK_FALSE(parse_date(""));
}

}  // namespace hubgate::http
