#include "hub/lifetime/redis_channels.h"

#include "tests/support/catch.h"

namespace hubgate::hub {
namespace {

using Kind = RedisChannels::Kind;

TEST_CASE("channels have ASP.NET Core's names", "[lifetime]") {
  const RedisChannels channels("app1:", "Demo.Outer+InnerHub", "web1_0123");
  CHECK(channels.all() == "app1:Demo.Outer+InnerHub:all");
  CHECK(channels.group_management() == "app1:Demo.Outer+InnerHub:internal:groups");
  CHECK(channels.acks() == "app1:Demo.Outer+InnerHub:internal:ack:web1_0123");
  CHECK(channels.client_results() == "app1:Demo.Outer+InnerHub:internal:return:web1_0123");
  CHECK(channels.connection("c1") == "app1:Demo.Outer+InnerHub:connection:c1");
  CHECK(channels.group("a b:*?[x]") == "app1:Demo.Outer+InnerHub:group:a b:*?[x]");
  CHECK(channels.user("") == "app1:Demo.Outer+InnerHub:user:");
  CHECK(channels.acks_of("web2") == "app1:Demo.Outer+InnerHub:internal:ack:web2");
}

TEST_CASE("a channel says what it is for", "[lifetime]") {
  const RedisChannels channels("", "Demo.ChatHub", "web1");
  const auto check = [&](const std::string& channel, Kind kind, std::string_view name) {
    const auto parsed = channels.parse(channel);
    REQUIRE(parsed);
    CHECK(parsed->kind == kind);
    CHECK(parsed->name == name);
  };
  check(channels.all(), Kind::kAll, "");
  check(channels.group_management(), Kind::kGroupManagement, "");
  check(channels.acks(), Kind::kAcks, "");
  check(channels.client_results(), Kind::kClientResults, "");
  check(channels.connection("c1"), Kind::kConnection, "c1");
  check(channels.group(""), Kind::kGroup, "");
  check(channels.group("all"), Kind::kGroup, "all");
  check(channels.group("internal:groups"), Kind::kGroup, "internal:groups");
  check(channels.user("group:x"), Kind::kUser, "group:x");
}

TEST_CASE("channels of other hubs and servers are none of ours", "[lifetime]") {
  const RedisChannels channels("", "Demo.ChatHub", "web1");
  for (const char* other : {"", "Demo.ChatHub", "Demo.ChatHub:", "Demo.ChatHub2:all", "demo.chathub:all",
                            "app1:Demo.ChatHub:all", "Demo.ChatHub:internal:ack:web2", "Demo.ChatHub:all2"}) {
    CAPTURE(other);
    CHECK_FALSE(channels.parse(other));
  }
}

}  // namespace
}  // namespace hubgate::hub
