#include <hubgate/hub_server.h>

#include <string>

#include "tests/hub/server/server_thread.h"
#include "tests/support/catch.h"
#include "tests/support/real_redis.h"
#include "tests/support/socket_client.h"

// Two servers of one hub over a real Redis.

namespace hubgate::test {
namespace {

class RoomHub : public Hub {
 public:
  static void map(HubMethods<RoomHub>& methods) {
    methods.on("Join", &RoomHub::join)
        .on("Leave", &RoomHub::leave)
        .on("ToGroup", &RoomHub::to_group)
        .on("ToAll", &RoomHub::to_all)
        .on("ToUser", &RoomHub::to_user)
        .on("Ready", &RoomHub::ready);
  }
  void join(const std::string& group) { groups().add(context().connection_id(), group); }
  Task<> leave(std::string group) { co_await groups().remove(context().connection_id(), group); }
  void to_group(const std::string& group, int number) { clients().group(group).send("Group", group, number); }
  void to_all(int number) { clients().all().send("All", number); }
  void to_user(const std::string& user, int number) { clients().user(user).send("User", number); }
  bool ready() { return true; }
};

struct RoomServer : ServerThread {
  explicit RoomServer(const std::string& redis) : ServerThread(options_for(redis)) {
    server().map<RoomHub>("/room", {.backplane_name = "Test.RoomHub"});
    start();
  }
  static HubServerOptions options_for(const std::string& redis) {
    HubServerOptions options;
    options.redis = redis;
    options.user_id = [](const HttpFacts& facts) { return facts.query_value("user").value_or(""); };
    return options;
  }
  SocketClient client(const std::string& query = "") {
    auto client = SocketClient::connect_to(address());
    REQUIRE(client.open("/room" + query));
    return client;
  }
};

std::string call(const std::string& target, const std::string& arguments) {
  return R"({"type":1,"invocationId":"i","target":")" + target + R"(","arguments":[)" + arguments + "]}";
}
constexpr const char* kDone = R"({"type":3,"invocationId":"i","result":null})";

/// Sends from one server until the other's client hears: both are connected to Redis then.
void wait_until_joined(SocketClient& a, SocketClient& b) {
  for (SocketClient* sender : {&a, &b}) {
    SocketClient& other = sender == &a ? b : a;
    std::string heard;
    for (int attempt = 0; heard.empty() && attempt < 1000; ++attempt) {
      sender->send(call("ToAll", "-1"));
      while (sender->receive() != kDone) {
      }
      other.send(call("Ready", ""));
      for (std::string record = other.receive(); record.find("\"type\":3") == record.npos; record = other.receive()) {
        heard = record;
      }
    }
    REQUIRE_FALSE(heard.empty());
  }
}

/// The next record that is no probe of wait_until_joined.
std::string next(SocketClient& client) {
  std::string record = client.receive();
  while (record.find("\"All\",\"arguments\":[-1]") != record.npos) record = client.receive();
  return record;
}

TEST_CASE("sends reach clients of the other server, and a join that was answered hears the next group message",
          "[hub][server][redis]") {
  if (!RealRedis::is_installed()) {
    WARN("redis-server is not installed");
    return;
  }
  const RealRedis redis;
  RoomServer first(redis.url());
  RoomServer second(redis.url());
  SocketClient ann = first.client("?user=ann");
  SocketClient bob = second.client();
  wait_until_joined(ann, bob);

  bob.send(call("ToUser", "\"ann\",1"));
  CHECK(next(bob) == kDone);
  CHECK(next(ann) == R"({"type":1,"target":"User","arguments":[1]})");
  for (int i = 0; i < 200; ++i) {
    const std::string group = "\"g" + std::to_string(i) + "\"";
    ann.send(call("Join", group));
    REQUIRE(next(ann) == kDone);
    bob.send(call("ToGroup", group + "," + std::to_string(i)));
    REQUIRE(next(bob) == kDone);
    REQUIRE(next(ann) == R"({"type":1,"target":"Group","arguments":[)" + group + "," + std::to_string(i) + "]}");
  }
  const HubContext context = second.server().context<RoomHub>();
  CHECK(context.clients().all().send("All", 5).get()->receivers == 2);  // servers
  CHECK(next(ann) == R"({"type":1,"target":"All","arguments":[5]})");
  CHECK(next(bob) == R"({"type":1,"target":"All","arguments":[5]})");
}

TEST_CASE("a server that ends waits until Redis has taken what its clients have sent", "[hub][server][redis]") {
  if (!RealRedis::is_installed()) {
    WARN("redis-server is not installed");
    return;
  }
  RealRedis redis;
  RoomServer first(redis.url());
  RoomServer second(redis.url());
  SocketClient ann = first.client();
  SocketClient bob = second.client();
  wait_until_joined(ann, bob);
  redis.freeze();
  constexpr int kMessages = 3000;  // more than the kernel keeps for Redis
  for (int i = 0; i < kMessages; ++i) {
    ann.send(call("ToAll", std::to_string(i)));
    REQUIRE(next(ann) == kDone);
  }
  first.server().stop();
  CHECK(next(ann) == R"({"type":7,"allowReconnect":true})");
  ann = SocketClient(Descriptor());
  CHECK_FALSE(first.ends_within(std::chrono::milliseconds(300)));
  redis.thaw();
  CHECK(first.join() == 0);
  REQUIRE(second.server().context<RoomHub>().clients().all().send("All", kMessages).get());  // comes after all of the
                                                                                             // first's
  for (int i = 0; i <= kMessages; ++i) {
    REQUIRE(next(bob) == R"({"type":1,"target":"All","arguments":[)" + std::to_string(i) + "]}");
  }
}

}  // namespace
}  // namespace hubgate::test
