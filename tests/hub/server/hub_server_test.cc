#include <hubgate/hub_server.h>

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/hub/server/server_thread.h"
#include "tests/support/catch.h"
#include "tests/support/socket_client.h"

namespace hubgate::test {
namespace {

class SmallHub : public Hub {
 public:
  static void map(HubMethods<SmallHub>& methods) {
    methods.on("Add", &SmallHub::add).on("Join", &SmallHub::join).on("Later", &SmallHub::later);
    methods.on("Id", &SmallHub::id).on("Never", &SmallHub::never);
  }
  int add(int a, int b) { return a + b; }
  void join(const std::string& group) { groups().add(context().connection_id(), group); }
  std::string id() { return context().connection_id(); }
  Task<> never() {
    static const TaskSource<> kEnd;
    return kEnd.task();
  }
  /// Answered from another thread.
  Task<int> later(int number) {
    const TaskSource<int> source;
    std::thread([source, number] { source.complete(2 * number); }).detach();
    co_return 1 + co_await source.task();
  }
};

class TwiceHub : public Hub {
 public:
  static void map(HubMethods<TwiceHub>& methods) { methods.on("Same", &TwiceHub::same).on("sAME", &TwiceHub::same); }
  void same() {}
};

class NeedyHub : public Hub {
 public:
  explicit NeedyHub(int) {}
  static void map(HubMethods<NeedyHub>&) {}
};

struct SmallServer : ServerThread {
  explicit SmallServer(HubServerOptions options = {}) : ServerThread(std::move(options)) {
    server().map<SmallHub>("/small");
    start();
  }
};

TEST_CASE("a server alone serves clients until it is stopped", "[hub][server]") {
  SmallServer server;
  auto client = SocketClient::connect_to(server.address());
  REQUIRE(client.open("/small"));
  client.send(R"({"type":1,"invocationId":"1","target":"Add","arguments":[2,3]})");
  CHECK(client.receive() == R"({"type":3,"invocationId":"1","result":5})");
  CHECK(server.server().identity().worker.empty());
  // A client that stays is told to go elsewhere, then the server ends.
  std::future<int> stopped = std::async(std::launch::async, [&] { return server.stop(); });
  CHECK(client.receive() == R"({"type":7,"allowReconnect":true})");
  CHECK(client.close_code() == 1000);
  CHECK(stopped.get() == 0);
}

TEST_CASE("a server ends although calls of its clients never do", "[hub][server]") {
  SmallServer server;
  auto client = SocketClient::connect_to(server.address());
  REQUIRE(client.open("/small"));
  client.send(R"({"type":1,"invocationId":"1","target":"Never","arguments":[]})");
  client.send(R"({"type":1,"invocationId":"2","target":"Never","arguments":[]})");
  client.send(R"({"type":1,"invocationId":"x","target":"Nope","arguments":[]})");
  CHECK(server.stop() == 0);
}

TEST_CASE("a task is completed from a thread of the program's own", "[hub][server][threads]") {
  SmallServer server;
  auto client = SocketClient::connect_to(server.address());
  REQUIRE(client.open("/small"));
  for (int i = 0; i < 50; ++i) {
    client.send(R"({"type":1,"invocationId":"x","target":"Later","arguments":[)" + std::to_string(i) + "]}");
    CHECK(client.receive() == R"({"type":3,"invocationId":"x","result":)" + std::to_string(2 * i + 1) + "}");
  }
}

TEST_CASE("a HubContext sends from any thread, in order for each", "[hub][server][threads]") {
  constexpr int kThreads = 4;
  constexpr int kSends = 200;
  SmallServer server;
  const HubContext context = server.server().context<SmallHub>();
  auto client = SocketClient::connect_to(server.address());
  REQUIRE(client.open("/small"));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([context, thread] {
      for (int i = 0; i < kSends; ++i) context.clients().all().send("Tick", thread, i);
    });
  }
  std::vector<int> next(kThreads, 0);
  for (int i = 0; i < kThreads * kSends; ++i) {
    const std::string record = client.receive();
    const std::size_t begin = record.find('[');
    REQUIRE(begin != record.npos);
    const int thread = std::stoi(record.substr(begin + 1));
    const int number = std::stoi(record.substr(record.find(',', begin) + 1));
    REQUIRE(number == next[static_cast<std::size_t>(thread)]++);
  }
  for (auto& thread : threads) thread.join();
}

TEST_CASE("a HubContext hears how many received, changes groups, and says what is wrong", "[hub][server][threads]") {
  SmallServer server;
  const HubContext context = server.server().context<SmallHub>();
  auto first = SocketClient::connect_to(server.address());
  auto second = SocketClient::connect_to(server.address());
  REQUIRE(first.open("/small"));
  REQUIRE(second.open("/small"));
  first.send(R"({"type":1,"invocationId":"1","target":"Id","arguments":[]})");
  const std::string answer = first.receive();
  const std::string id = answer.substr(answer.rfind(':') + 2, 22);
  second.send(R"({"type":1,"invocationId":"1","target":"Join","arguments":["g"]})");
  second.receive();

  const Result<SendReceipt> to_all = context.clients().all().send("A").get();
  REQUIRE(to_all);
  CHECK(to_all->receivers == 2);
  REQUIRE(context.groups().add(id, "g").get());
  CHECK(context.clients().group("g").send("B").get()->receivers == 2);
  CHECK(context.clients().group_except("g", {id}).send("C").get()->receivers == 1);
  REQUIRE(context.groups().remove(id, "g").get());
  CHECK(context.clients().group("g").send("D").get()->receivers == 1);
  CHECK(context.clients().client("nobody").send("E").get()->receivers == 0);
  const Result<SendReceipt> empty = context.clients().groups({"g", ""}).send("F").get();
  REQUIRE_FALSE(empty);
  CHECK(empty.error().code == ErrorCode::kInvalid);
  CHECK(first.receive() == R"({"type":1,"target":"A","arguments":[]})");
  CHECK(first.receive() == R"({"type":1,"target":"B","arguments":[]})");

  std::promise<std::uint64_t> heard;
  context.clients().client(id).send_then(
      [&](const Result<SendReceipt>& receipt) { heard.set_value(receipt->receivers); }, "G", 1);
  CHECK(heard.get_future().get() == 1);
}

TEST_CASE("what is sent before the server runs waits; after its end it is refused", "[hub][server][threads]") {
  std::future<Result<SendReceipt>> early;
  std::future<Result<SendReceipt>> never;
  std::optional<HubContext> context;
  {
    ServerThread server;
    server.server().map<SmallHub>("/small");
    context = server.server().context<SmallHub>();
    early = context->clients().all().send("Early");
    server.start();
    REQUIRE(early.get());
    server.stop();
    never = context->clients().all().send("Never");
  }
  CHECK(never.get().error().code == ErrorCode::kUnavailable);
  CHECK(context->groups().add("id", "g").get().error().code == ErrorCode::kUnavailable);
}

TEST_CASE("a server that never runs refuses what was sent", "[hub][server]") {
  std::future<Result<SendReceipt>> sent;
  {
    HubServer server({.log_level = "off"});
    server.map<SmallHub>("/small");
    sent = server.context<SmallHub>().clients().all().send("Early");
  }
  CHECK(sent.get().error().code == ErrorCode::kUnavailable);
}

TEST_CASE("what cannot be mapped is refused at once", "[hub][server]") {
  HubServer server({.log_level = "off"});
  CHECK_THROWS_WITH(server.map<TwiceHub>("/twice"), "Duplicate definitions of 'sAME'. Overloading is not supported.");
  CHECK_THROWS_AS(server.map<NeedyHub>("/needy"), std::invalid_argument);
  CHECK_THROWS_AS(server.map<SmallHub>("small"), std::invalid_argument);
  CHECK_THROWS_AS(server.map<SmallHub>("/none", {.maximum_parallel_invocations = 0}), std::invalid_argument);
  CHECK_THROWS_WITH(server.map<SmallHub>("/none", {.origins = {"app.example"}}), contains("'app.example'"));
  server.map<SmallHub>("/small");
  CHECK_THROWS_AS(server.map<SmallHub>("/SMALL/"), std::invalid_argument);
  CHECK_THROWS_AS(server.context<TwiceHub>(), std::invalid_argument);
}

TEST_CASE("settings that cannot work end run() with 78, an address with 69, and the log says why", "[hub][server]") {
  std::string lines;
  HubServerOptions options;
  options.handle_signals = false;
  options.listen = "127.0.0.1:0";
  options.log_sink = [&](std::string_view, std::string_view line) { lines += line; };
  int expected = 78;
  std::string text;
  SECTION("Redis without a backplane_name") {
    options.redis = "unix:/nowhere/redis.sock";
    text = "backplane_name";
  }
  SECTION("an address that is none") {
    options.listen = "nonsense";
    text = "nonsense";
  }
  SECTION("a log level that is none") {
    options.log_level = "loud";
    text = "log_level";
  }
  SECTION("an address that cannot be bound") {
    options.listen = "unix:/nowhere/hub.sock";
    text = "/nowhere/hub.sock";
    expected = 69;
  }
  HubServer server(options);
  server.map<SmallHub>("/small");
  CHECK(server.run() == expected);
  CHECK_THAT(lines, contains(text));
}

TEST_CASE("over the limit clients are turned away", "[hub][server]") {
  SmallServer server({.max_connections = 1});
  auto first = SocketClient::connect_to(server.address());
  REQUIRE(first.open("/small"));
  auto second = SocketClient::connect_to(server.address());
  CHECK_FALSE(second.open("/small"));
}

}  // namespace
}  // namespace hubgate::test
