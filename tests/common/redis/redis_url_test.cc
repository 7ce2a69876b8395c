#include "common/redis/redis_url.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/support/catch.h"

namespace hubgate::redis {
namespace {

RedisUrl parsed(std::string_view text) {
  auto url = RedisUrl::parse(text);
  INFO(text);
  REQUIRE(url);
  return *std::move(url);
}

TEST_CASE("an address names host, port, user, password and database", "[redis]") {
  const RedisUrl url = parsed("redis://al%20ice:s%40cret@redis.example:7000/3");
  CHECK(url.kind == RedisUrl::Kind::kTcp);
  CHECK(url.host == "redis.example");
  CHECK(url.port == 7000);
  CHECK(url.user == "al ice");
  CHECK(url.password == "s@cret");
  CHECK(url.database == 3);
}

TEST_CASE("what an address leaves out has Redis' defaults", "[redis]") {
  CHECK(parsed("redis://localhost") == parsed("REDIS://localhost:6379/0"));
  CHECK(parsed("redis://:pw@127.0.0.1/").password == "pw");
  CHECK(parsed("redis://[::1]").host == "::1");
  CHECK(parsed("redis://[::1]:7").port == 7);
  CHECK(parsed("rediss://host?ca_file=/etc/ca.pem").ca_file == "/etc/ca.pem");
}

TEST_CASE("a Unix socket has a path, and options for the rest", "[redis]") {
  const RedisUrl url = parsed("unix:/run/redis.sock?user=me&password_file=/etc/secret&db=2");
  CHECK(url.kind == RedisUrl::Kind::kUnix);
  CHECK(url.path == "/run/redis.sock");
  CHECK(url.user == "me");
  CHECK(url.password_file == "/etc/secret");
  CHECK(url.database == 2);
  CHECK(parsed("unix:///run/redis.sock").path == "/run/redis.sock");
}

TEST_CASE("an address that cannot be meant is refused without showing it", "[redis]") {
  const std::string text =
      GENERATE("", "localhost", "http://h", "redis://", "redis://:sesame@", "redis://sesame@host", "redis://h:0",
               "redis://h:65536", "redis://h:x", "redis://h/sesame", "redis://h/-1", "redis://::1", "redis://[::1",
               "redis://[::1]7", "unix:", "unix:?db=1", "redis://h?sesame", "redis://h?sesame=1", "redis://h?db=%zz",
               "redis://a:sesame%2@h", "redis://h?ca_file=/x", "redis://a b", "redis://:sesame@h?password_file=/x");
  CAPTURE(text);
  const auto url = RedisUrl::parse(text);
  REQUIRE_FALSE(url);
  CHECK(url.error().code == ErrorCode::kInvalid);
  CHECK(url.error().what.find("sesame") == std::string::npos);
}

TEST_CASE("what is shown of an address holds no secret", "[redis]") {
  CHECK(parsed("redis://alice:sesame@host:7/2").to_string() == "redis://host:7/2");
  CHECK(parsed("rediss://:sesame@[::1]").to_string() == "rediss://[::1]:6379");
  CHECK(parsed("unix:/a?password_file=/sesame&user=sesame&db=1").to_string() == "unix:/a?database=1");
}

TEST_CASE("a password file is read anew each time, without its line end", "[redis]") {
  char name[] = "/tmp/redis_password_XXXXXX";
  const int fd = ::mkstemp(name);
  REQUIRE(fd >= 0);
  const auto write = [&](const std::string& text) { std::ofstream(name, std::ios::trunc) << text; };
  const RedisUrl url = parsed("unix:/a?password_file=" + std::string(name));
  write("first\n");
  CHECK(url.read_password().value() == "first");
  write("se cond\r\n");
  CHECK(url.read_password().value() == "se cond");
  write("");
  CHECK_FALSE(url.read_password());
  std::remove(name);
  ::close(fd);
  CHECK(url.read_password().error().code == ErrorCode::kNotFound);
  CHECK(parsed("redis://h").read_password().value().empty());
}

}  // namespace
}  // namespace hubgate::redis
