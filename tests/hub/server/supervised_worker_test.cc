#include "hub/server/supervised_worker.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "tests/hub/server/server_thread.h"
#include "tests/support/catch.h"
#include "tests/support/socket_client.h"
#include "tests/support/turn_until.h"

// A HubServer under a gateway: the test plays the proxy on the worker's two links.

namespace hubgate::test {
namespace {

using control::PacketLink;
using std::chrono::milliseconds;

constexpr std::uint64_t kEpoch = 77;
constexpr std::string_view kTag = "AAAAAAAAAAAAAAAAAAAAAAAA";

class NameHub : public Hub {
 public:
  explicit NameHub(const HubServer& server) : server_(server) {}
  static void map(HubMethods<NameHub>& methods) { methods.on("Name", &NameHub::name); }
  std::string name() { return server_.identity().worker + " " + std::to_string(server_.identity().endpoint); }

 private:
  const HubServer& server_;
};

/// The proxy's end of one link.
struct ProxyEnd final : PacketLink::Handler {
  ProxyEnd(event::Loop& loop, Descriptor socket) : link(loop, std::move(socket), *this) {}
  void on_packet(Bytes bytes, Descriptor, bool) override { messages.emplace_back(as_text(bytes)); }
  void on_link_closed(std::string_view) override { closed = true; }
  std::vector<std::string> messages;
  bool closed = false;
  PacketLink link;
};

struct Gateway {
  explicit Gateway(const control::Welcome& welcome = default_welcome()) {
    auto one = PacketLink::make_pair();
    auto two = PacketLink::make_pair();
    control_end.emplace(loop, std::move(one->first));
    handover_end.emplace(loop, std::move(two->first));
    const std::string links =
        "control=" + std::to_string(one->second.release()) + ",handover=" + std::to_string(two->second.release());
    ::setenv("HUBGATE_LINKS", links.c_str(), 1);
    server.server().map<NameHub>("/name", {.backplane_name = "Test.NameHub", .origins = {"https://app.example"}},
                                 [this] { return std::make_unique<NameHub>(server.server()); });
    control_end->link.send(encode(control::Hello{.epoch = kEpoch}));
    control_end->link.send(encode(welcome));
    handover_end->link.send(encode(control::Hello{.epoch = kEpoch}));
    server.start_supervised();
  }
  ~Gateway() {
    control_end->link.close();
    handover_end->link.close();
    server.join();
  }

  static control::Welcome default_welcome() {
    control::Welcome welcome;
    welcome.epoch = kEpoch;
    welcome.pool = "main";
    welcome.slot = 3;
    welcome.endpoint = 4242;
    welcome.generation = 99;
    welcome.tag = kTag;
    welcome.log_level = "warn";
    return welcome;
  }

  template <class Message>
  std::vector<Message> said() const {
    std::vector<Message> found;
    for (const std::string& bytes : control_end->messages) {
      const auto message = control::decode_control_to_proxy(as_bytes(bytes));
      if (!message) continue;
      if (const auto* one = std::get_if<Message>(&*message)) found.push_back(*one);
    }
    return found;
  }
  template <class Message>
  bool hears() {
    return turn_until(loop, [&] { return !said<Message>().empty(); });
  }
  bool hears_on_handover(const std::string& message) {
    return turn_until(loop, [&] {
      return std::find(handover_end->messages.begin(), handover_end->messages.end(), message) !=
             handover_end->messages.end();
    });
  }

  /// Hands a client over whose request is `target`; the client's end of the socket.
  SocketClient hand_over(std::uint64_t n, const std::string& target) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return SocketClient(Descriptor());
    const Descriptor given(ends[1]);
    ::fcntl(given.get(), F_SETFL, O_NONBLOCK);  // as the proxy's sockets are
    control::Accept accept;
    accept.epoch = kEpoch;
    accept.n = n;
    accept.head = SocketClient::upgrade_request(target);
    accept.client_address = "192.0.2.7:1234";
    accept.request_id = "request-" + std::to_string(n);
    handover_end->link.send(encode(accept), given.get());
    return SocketClient(Descriptor(ends[0]));
  }

  event::Loop loop;
  std::optional<ProxyEnd> control_end;
  std::optional<ProxyEnd> handover_end;
  ServerThread server;
};

TEST_CASE("a supervised server announces its paths and serves what is handed to it", "[hub][server][links]") {
  Gateway gateway;
  REQUIRE(gateway.hears<control::Ready>());
  const auto paths = gateway.said<control::Path>();
  REQUIRE(paths.size() == 1);
  CHECK(paths[0].path == "/name");
  CHECK(paths[0].origins == std::vector<std::string>{"https://app.example"});
  CHECK(paths[0].backplane_name == "Test.NameHub");
  CHECK(paths[0].methods == std::vector<std::string>{"Name"});
  CHECK(gateway.said<control::Ready>()[0].max_connections > 0);

  SocketClient client = gateway.hand_over(1, "/name");
  REQUIRE(gateway.hears_on_handover(encode(control::Mine{kEpoch, 1})));
  REQUIRE(client.answered());
  client.send(R"({"type":1,"invocationId":"1","target":"Name","arguments":[]})");
  CHECK(client.receive() == R"({"type":3,"invocationId":"1","result":"main/3 4242"})");
  CHECK(turn_until(gateway.loop, [&] {
    const auto loads = gateway.said<control::Load>();
    return !loads.empty() && loads.back() == control::Load{kEpoch, 1, 1, 0};
  }));

  client.send(R"({"type":7})");
  CHECK(client.receive() == R"({"type":7})");
  CHECK(client.close_code() == 1000);
  client = SocketClient(Descriptor());
  REQUIRE(gateway.hears<control::Closed>());
  const auto records = gateway.said<control::Closed>()[0].records;
  REQUIRE(records.size() == 1);
  CHECK(records[0].n == 1);
  CHECK(records[0].address == "192.0.2.7:1234");
  CHECK(records[0].request_id == "request-1");
  CHECK(records[0].path == "/name");
  CHECK(records[0].by == control::ClosedBy::kServer);
  CHECK(records[0].code == 1000);
}

TEST_CASE("statistics come every second", "[hub][server][links]") {
  Gateway gateway;
  REQUIRE(turn_until(gateway.loop, [&] { return gateway.said<control::Stats>().size() >= 2; }));
  const control::Stats stats = gateway.said<control::Stats>().back();
  CHECK(stats.redis_state.empty());
  CHECK(stats.series.contains("hubgate_hub_connections{hub=\"Test.NameHub\",path=\"/name\"}"));
}

TEST_CASE("tokens of a supervised server begin with the gateway's tag", "[hub][server][links]") {
  Gateway gateway;
  REQUIRE(gateway.hears<control::Ready>());
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Descriptor given(ends[1]);
  const Descriptor client(ends[0]);
  control::Accept accept;
  accept.epoch = kEpoch;
  accept.n = 1;
  accept.kind = control::Accept::Kind::kRelay;
  gateway.handover_end->link.send(encode(accept), given.get());
  const std::string request =
      "POST /name/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: "
      "close\r\n\r\n";
  REQUIRE(::write(client.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
  REQUIRE(gateway.hears_on_handover(encode(control::Mine{kEpoch, 1})));
  std::string answer;
  char buffer[4096];
  for (ssize_t count = 1; answer.find("\"connectionToken\"") == answer.npos && count > 0;) {
    count = ::read(client.get(), buffer, sizeof buffer);
    if (count > 0) answer.append(buffer, static_cast<std::size_t>(count));
  }
  CHECK_THAT(answer, contains("\"connectionToken\":\"" + std::string(kTag)));
}

TEST_CASE("a drain with exit asks clients to go, says Drained and ends with 0", "[hub][server][links]") {
  Gateway gateway;
  REQUIRE(gateway.hears<control::Ready>());
  SocketClient client = gateway.hand_over(1, "/name");
  REQUIRE(client.answered());
  gateway.control_end->link.send(encode(control::Drain{milliseconds(0), milliseconds(5000), true}));
  CHECK(client.receive() == R"({"type":7,"allowReconnect":true})");
  client = SocketClient(Descriptor());
  CHECK(gateway.hears<control::Drained>());
  CHECK(gateway.said<control::State>().back().draining);
}

TEST_CASE("a draining server refuses clients without an id, until it is undrained", "[hub][server][links]") {
  Gateway gateway;
  REQUIRE(gateway.hears<control::Ready>());
  gateway.control_end->link.send(encode(control::Drain{milliseconds(0), milliseconds(60'000), false}));
  REQUIRE(turn_until(gateway.loop, [&] { return !gateway.said<control::State>().empty(); }));
  SocketClient refused = gateway.hand_over(1, "/name");
  CHECK(gateway.hears_on_handover(encode(control::Refused{kEpoch, 1})));
  SocketClient unknown = gateway.hand_over(2, "/name?id=unknown");
  CHECK(gateway.hears_on_handover(encode(control::Mine{kEpoch, 2})));
  CHECK_FALSE(unknown.answered());  // 404: it is admitted, but nobody has that id

  gateway.control_end->link.send(encode(control::Undrain{}));
  REQUIRE(turn_until(gateway.loop, [&] { return !gateway.said<control::State>().back().draining; }));
  SocketClient welcome = gateway.hand_over(3, "/name");
  CHECK(gateway.hears_on_handover(encode(control::Mine{kEpoch, 3})));
  CHECK(welcome.answered());
}

TEST_CASE("a client over the gateway's limit is refused", "[hub][server][links]") {
  control::Welcome welcome = Gateway::default_welcome();
  welcome.limits.max_connections = 1;
  Gateway gateway(welcome);
  REQUIRE(gateway.hears<control::Ready>());
  SocketClient first = gateway.hand_over(1, "/name");
  REQUIRE(first.answered());
  SocketClient second = gateway.hand_over(2, "/name");
  CHECK(gateway.hears_on_handover(encode(control::Refused{kEpoch, 2})));
}

TEST_CASE("a client that takes nothing ends as a slow consumer, and the others lose nothing", "[hub][server][links]") {
  control::Welcome welcome = Gateway::default_welcome();
  welcome.limits.max_pending_bytes = 256 * 1024;
  Gateway gateway(welcome);
  REQUIRE(gateway.hears<control::Ready>());
  SocketClient stalled = gateway.hand_over(1, "/name");
  REQUIRE(stalled.answered());
  SocketClient steady = gateway.hand_over(2, "/name");
  REQUIRE(steady.answered());
  const HubContext context = gateway.server.server().context<NameHub>();
  const std::string much(8 * 1024, 'x');
  for (int i = 0; i < 300; ++i) {
    context.clients().all().send("Tick", i, much);
    const std::string record = steady.receive();
    REQUIRE(record.starts_with(R"({"type":1,"target":"Tick","arguments":[)" + std::to_string(i) + ","));
  }
  // Late, it finds what had been sent before, and that it may come back.
  std::string last;
  std::size_t size = 0;
  for (std::string record = stalled.receive(); !record.empty(); record = stalled.receive()) {
    size += record.size();
    last = record;
  }
  CHECK(last == R"({"type":7,"allowReconnect":true})");
  CHECK(size < 1024 * 1024);  // of 2.4 MB: what waited is bounded, the kernel's part aside
  {
    const SocketClient gone = std::move(stalled);
  }
  REQUIRE(gateway.hears<control::Closed>());
  const control::ClosedRecord record = gateway.said<control::Closed>().front().records.front();
  CHECK(record.n == 1);
  CHECK(record.reason == "slow_consumer");
  CHECK(record.by == control::ClosedBy::kServer);
}

TEST_CASE("a worker's cap is what its descriptors allow, less what links and Redis need", "[hub][server][links]") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 264;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  {
    Gateway gateway;
    CHECK(gateway.hears<control::Ready>());
    CHECK(gateway.said<control::Ready>().front().max_connections == 180);
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("limits of the gateway hold from the start, and new ones for clients that are there",
          "[hub][server][links]") {
  control::Welcome welcome = Gateway::default_welcome();
  welcome.limits.max_message_size = 200;
  Gateway gateway(welcome);
  REQUIRE(gateway.hears<control::Ready>());
  const std::string call =
      R"({"type":1,"invocationId":"1","target":"Name","arguments":[],"filler":")" + std::string(100, 'x') + "\"}";
  const std::string longer = R"({"type":6,"filler":")" + std::string(200, 'x') + "\"}";
  SocketClient first = gateway.hand_over(1, "/name");
  SocketClient second = gateway.hand_over(2, "/name");
  REQUIRE(first.answered());
  REQUIRE(second.answered());
  second.send(longer);
  CHECK_THAT(second.receive(), contains("\"type\":7"));
  first.send(call);
  CHECK_THAT(first.receive(), contains("\"type\":3"));

  const std::size_t told = gateway.said<control::Ready>().size();
  welcome.limits.max_message_size = 100;
  gateway.control_end->link.send(encode(welcome));
  REQUIRE(turn_until(gateway.loop, [&] { return gateway.said<control::Ready>().size() > told; }));
  first.send(call);
  CHECK_THAT(first.receive(), contains("\"type\":7"));
}

TEST_CASE("when the gateway ends, clients are closed and the server ends", "[hub][server][links]") {
  std::optional<SocketClient> client;
  {
    Gateway gateway;
    REQUIRE(gateway.hears<control::Ready>());
    client.emplace(gateway.hand_over(1, "/name"));
    REQUIRE(client->answered());
    gateway.control_end->link.close();
    CHECK(client->receive() == R"({"type":7,"allowReconnect":true})");
    client.reset();
  }  // joins the server
  SUCCEED();
}

TEST_CASE("a Welcome that cannot be served ends the server", "[hub][server][links]") {
  control::Welcome welcome = Gateway::default_welcome();
  welcome.redis = "nonsense://x";
  Gateway gateway(welcome);
  CHECK(turn_until(gateway.loop, [&] { return gateway.control_end->closed; }));
}

}  // namespace
}  // namespace hubgate::test
