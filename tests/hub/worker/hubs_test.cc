#include <unistd.h>

#include <string>

#include "hub/worker/bench_hub.h"
#include "hub/worker/chat_hub.h"
#include "tests/hub/core/hub_fixture.h"
#include "tests/support/catch.h"

namespace hubgate::worker {
namespace {

using test::HubFixture;
using test::TestClient;

std::string call(const std::string& target, const std::string& arguments) {
  return R"({"type":1,"invocationId":"i","target":")" + target + R"(","arguments":)" + arguments + "}";
}
constexpr const char* kDone = R"({"type":3,"invocationId":"i","result":null})";

struct Chat : HubFixture<ChatHub> {
  Chat()
      : HubFixture(
            {}, [this] { return std::make_unique<ChatHub>(server); },
            [](const HttpFacts& facts) { return facts.query_value("user").value_or(""); }) {}
  HubServer server{{.log_level = "off"}};
};

TEST_CASE("a chat line reaches everybody, from the sender's user id or else its connection id", "[worker][chat]") {
  Chat hub;
  TestClient ann(hub.handler, "connection_00000000001");
  TestClient bob(hub.handler, "connection_00000000002");
  ann.connection().facts().query = "user=ann";
  REQUIRE(ann.connect());
  REQUIRE(bob.connect());
  ann.send(call("Send", R"(["hi"])"));
  CHECK(ann.take() == std::string(R"({"type":1,"target":"Receive","arguments":["ann","hi"]} )") + kDone);
  CHECK(bob.take() == R"({"type":1,"target":"Receive","arguments":["ann","hi"]})");
  bob.send(call("Send", R"(["yo"])"));
  CHECK(ann.take() == R"({"type":1,"target":"Receive","arguments":["connection_00000000002","yo"]})");
}

TEST_CASE("a line for a group reaches its members only, until they leave", "[worker][chat]") {
  Chat hub;
  TestClient ann(hub.handler, "connection_00000000001");
  TestClient bob(hub.handler, "connection_00000000002");
  REQUIRE(ann.connect());
  REQUIRE(bob.connect());
  ann.send(call("Join", R"(["g"])"));
  bob.send(call("SendToGroup", R"(["g","1"])"));
  CHECK(ann.take() ==
        std::string(kDone) + R"( {"type":1,"target":"Receive","arguments":["connection_00000000002","1"]})");
  CHECK(bob.take() == kDone);
  ann.send(call("Leave", R"(["g"])"));
  hub.settle();
  CHECK(ann.take() == kDone);
  bob.send(call("SendToGroup", R"(["g","2"])"));
  CHECK(ann.take().empty());
}

TEST_CASE("WhoAmI names the process", "[worker][chat]") {
  Chat hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("WhoAmI", "[]"));
  CHECK(client.take() == R"({"type":3,"invocationId":"i","result":{"worker":"","pid":)" + std::to_string(::getpid()) +
                             R"(,"endpoint":0,"generation":0}})");
}

TEST_CASE("the bench hub echoes, broadcasts and sends to groups whatever it is given", "[worker][bench]") {
  HubFixture<BenchHub> hub;
  TestClient one(hub.handler, "connection_00000000001");
  TestClient two(hub.handler, "connection_00000000002");
  REQUIRE(one.connect());
  REQUIRE(two.connect());
  one.send(call("Echo", R"([{"a":[1,2.50,null]}])"));
  CHECK(one.take() == R"({"type":3,"invocationId":"i","result":{"a":[1,2.50,null]}})");
  one.send(call("Broadcast", R"([7])"));
  CHECK(two.take() == R"({"type":1,"target":"msg","arguments":[7]})");
  CHECK(one.take() == std::string(R"({"type":1,"target":"msg","arguments":[7]} )") + kDone);
  two.send(call("JoinGroup", R"(["g"])"));
  CHECK(two.take() == kDone);
  one.send(call("SendToGroup", R"(["g","x"])"));
  CHECK(two.take() == R"({"type":1,"target":"msg","arguments":["x"]})");
  CHECK(one.take() == kDone);
  two.send(call("LeaveGroup", R"(["g"])"));
  hub.settle();
  two.take();
  one.send(call("SendToGroup", R"(["g","y"])"));
  CHECK(two.take().empty());
}

}  // namespace
}  // namespace hubgate::worker
