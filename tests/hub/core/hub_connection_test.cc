#include "hub/core/hub_connection.h"

#include <string>
#include <vector>

#include "tests/hub/core/hub_fixture.h"
#include "tests/support/catch.h"

namespace hubgate {
namespace test::conversions {
/// A program's own type whose conversion fails with an exception.
struct Odd {};
}  // namespace test::conversions

template <>
struct Converter<test::conversions::Odd> {
  static bool from_value(Value&&, ValueFormat, test::conversions::Odd&) { throw std::runtime_error("odd"); }
};
}  // namespace hubgate

namespace hubgate::test {
namespace {

using conversions::Odd;

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What hub code of a test did, and what it waits for.
struct Notes {
  std::vector<std::string> lines;
  std::vector<TaskSource<>> waiting;
  bool connecting_waits = false;
  bool connecting_fails = false;
  bool connecting_joins = false;
  bool disconnecting_waits = false;

  Task<> wait() {
    waiting.emplace_back();
    return waiting.back().task();
  }
  /// Lets the oldest waiting hub code go on.
  void release_one() {
    waiting.front().complete();
    waiting.erase(waiting.begin());
  }
};

class NotingHub : public Hub {
 public:
  explicit NotingHub(Notes& notes) : notes_(notes) {}
  static void map(HubMethods<NotingHub>& methods) {
    methods.on("Wait", &NotingHub::wait)
        .on("Note", &NotingHub::note)
        .on("Join", &NotingHub::join)
        .on("JoinAwaited", &NotingHub::join_awaited)
        .on("Abort", &NotingHub::abort)
        .on("Tell", &NotingHub::tell)
        .on("Nan", &NotingHub::nan)
        .on("Odd", &NotingHub::odd)
        .on("TellNobody", &NotingHub::tell_nobody)
        .on("Refuse", &NotingHub::refuse)
        .on("WatchBadly", &NotingHub::watch_badly)
        .on("Path", &NotingHub::path)
        .on("AbortThenPath", &NotingHub::abort_then_path)
        .on("Who", &NotingHub::who);
  }

  Task<> on_connected() override {
    note("connected");
    if (notes_.connecting_joins) groups().add(context().connection_id(), "g");
    if (notes_.connecting_waits) co_await notes_.wait();
    if (notes_.connecting_fails) throw NamedError("InvalidOperationException", "no entry");
    if (const HttpFacts* facts = context().http()) note("path " + std::string(facts->path()));
  }
  Task<> on_disconnected(std::optional<std::string> error) override {
    note("disconnected " + error.value_or("-") + (context().aborted().is_cancelled() ? " aborted" : ""));
    if (notes_.disconnecting_waits) co_await notes_.wait();
    note("gone " + context().connection_id());
  }

  Task<std::string> wait(std::string name) {
    note("begin " + name);
    const CancelToken::Registration registration =
        context().aborted().on_cancelled([&notes = notes_, name] { notes.lines.push_back("aborted " + name); });
    co_await notes_.wait();
    note("end " + name + " of " + context().connection_id());
    co_return name;
  }
  void note(const std::string& line) { notes_.lines.push_back(line); }
  void join(const std::string& group) { groups().add(context().connection_id(), group); }
  Task<> join_awaited(std::string group) {
    co_await groups().add(context().connection_id(), group);
    note("joined " + group);
  }
  void abort() { context().abort(); }
  void tell(const std::string& text) { clients().all().send("Told", text, 1, true); }
  double nan() { return std::numeric_limits<double>::quiet_NaN(); }
  void odd(Odd) {}
  void tell_nobody() { clients().groups({"g", ""}).send("Told"); }
  void refuse() { throw HubException("not you", "QuotaException"); }
  Task<> watch_badly() {
    const CancelToken::Registration first = context().aborted().on_cancelled([] { throw std::runtime_error("bad"); });
    const CancelToken::Registration second = context().aborted().on_cancelled([this] { note("second"); });
    co_await notes_.wait();
  }
  bool path() { return context().http() != nullptr; }
  void abort_then_path() {
    context().abort();
    note(context().http() == nullptr ? "facts: none" : "facts: there");
  }
  std::string who() { return context().user_identifier(); }

 private:
  Notes& notes_;
};

struct Noting : Notes, HubFixture<NotingHub> {
  explicit Noting(HubOptions options = {}, hub::HubDispatcher::UserId user_id = nullptr)
      : HubFixture(options, [this] { return std::make_unique<NotingHub>(*this); }, std::move(user_id)) {}
  std::vector<std::string> take_lines() { return std::exchange(lines, {}); }
};

using Lines = std::vector<std::string>;

std::string call(const std::string& target, const std::string& id, const std::string& arguments = "") {
  return R"({"type":1,"invocationId":")" + id + R"(","target":")" + target + R"(","arguments":[)" + arguments + "]}";
}

TEST_CASE("plain calls of one client run one after the other, in order", "[hub][order]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "1", "\"a\""));
  client.send(call("Note", "2", "\"b\""));
  client.send(call("Wait", "3", "\"c\""));
  hub.settle();
  CHECK(hub.take_lines() == Lines{"connected", "path ", "begin a"});
  CHECK(client.take().empty());
  hub.release_one();
  hub.settle();
  CHECK(hub.take_lines() == Lines{"end a of connection_00000000001", "b", "begin c"});
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":"a"} {"type":3,"invocationId":"2","result":null})");
  hub.release_one();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"3","result":"c"})");
}

TEST_CASE("calls of one read run in order however the bytes are cut", "[hub][order]") {
  const auto chunk = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{61});
  CAPTURE(chunk);
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  std::string bytes;
  for (const char* name : {"a", "b", "c"}) bytes += call("Note", name, "\"" + std::string(name) + "\"") + '\x1e';
  client.send_bytes(bytes, chunk);
  CHECK(hub.take_lines() == Lines{"connected", "path ", "a", "b", "c"});
}

TEST_CASE("more slots let more calls of one client run", "[hub][order]") {
  Noting hub({.maximum_parallel_invocations = 2});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  for (const char* name : {"1", "2", "3"}) client.send(call("Wait", name, "\"" + std::string(name) + "\""));
  hub.settle();
  CHECK(hub.take_lines() == Lines{"connected", "path ", "begin 1", "begin 2"});
  hub.waiting[1].complete();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"2","result":"2"})");
  CHECK(hub.take_lines() == Lines{"end 2 of connection_00000000001", "begin 3"});
}

TEST_CASE("errors of what need not wait are answered while a call runs, and behind a waiting call in order",
          "[hub][order]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "1", "\"a\""));
  client.send(call("Nope", "2"));
  hub.settle();
  CHECK_THAT(client.take(), contains("Method does not exist"));
  client.send(call("Note", "3", "\"b\""));
  client.send(call("Nope", "4"));
  hub.settle();
  CHECK(client.take().empty());
  hub.release_one();
  hub.settle();
  const std::string answers = client.take();
  CHECK(answers.find("\"1\"") < answers.find("\"3\""));
  CHECK(answers.find("\"3\"") < answers.find("\"4\""));
}

TEST_CASE("calls that come while on_connected runs wait for it", "[hub][order]") {
  Noting hub;
  hub.connecting_waits = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Note", "1", "\"a\""));
  hub.settle();
  CHECK(hub.take_lines() == Lines{"connected"});
  hub.release_one();
  hub.settle();
  CHECK(hub.take_lines() == Lines{"path ", "a"});
  CHECK(client.connection().facts_dropped);
}

TEST_CASE("calls received before a close run before on_disconnected", "[hub][order][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "1", "\"a\""));
  client.send(call("Note", "2", "\"b\""));
  SECTION("a Close of the client") {
    client.send(R"({"type":7,"error":"bye"})");
    hub.settle();
    CHECK(hub.take_lines() == Lines{"connected", "path ", "begin a"});
    hub.release_one();
    hub.settle();
    CHECK(hub.take_lines() ==
          Lines{"end a of connection_00000000001", "b", "disconnected bye aborted", "gone connection_00000000001"});
    CHECK(client.take() ==
          R"({"type":3,"invocationId":"1","result":"a"} {"type":3,"invocationId":"2","result":null} {"type":7})");
    CHECK(client.close_code() == 1000);
  }
  SECTION("a violation") {
    client.send("nope");
    client.send(call("Note", "3", "\"never\""));
    hub.settle();
    hub.release_one();
    hub.settle();
    CHECK(hub.take_lines() == Lines{"connected", "path ", "begin a", "end a of connection_00000000001", "b",
                                    "disconnected InvalidDataException: Error reading JSON. aborted",
                                    "gone connection_00000000001"});
  }
  SECTION("the loss of the transport, which is told at once") {
    client.end();
    hub.settle();
    CHECK(hub.take_lines() == Lines{"connected", "path ", "begin a", "aborted a"});
    hub.release_one();
    hub.settle();
    CHECK(hub.take_lines() ==
          Lines{"end a of connection_00000000001", "b", "disconnected - aborted", "gone connection_00000000001"});
    CHECK(client.take() == R"({"type":7,"allowReconnect":true})");  // tried; the transport is gone
  }
}

TEST_CASE("a Close behind a running call that nobody waits for takes effect at once", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "1", "\"a\""));
  client.send(R"({"type":7})");
  hub.settle();
  CHECK(client.take() == R"({"type":7})");
  CHECK(hub.take_lines() ==
        Lines{"connected", "path ", "begin a", "aborted a", "disconnected - aborted", "gone connection_00000000001"});
  client.release();
  CHECK(hub.handler.size() == 0);
  // The call outlives the connection and may still ask who it was.
  hub.release_one();
  hub.settle();
  CHECK(hub.take_lines() == Lines{"end a of connection_00000000001"});
}

TEST_CASE("an abort by hub code closes without reconnect and drops what waits", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send_bytes(call("Abort", "1") + '\x1e' + call("Note", "2", "\"never\"") + '\x1e');
  hub.settle();
  CHECK(client.take() == R"({"type":7})");
  CHECK(client.close_code() == 1000);
  CHECK(hub.take_lines() == Lines{"connected", "path ", "disconnected - aborted", "gone connection_00000000001"});
  CHECK(hub.lifetime.events() == Lines{"connected ", "disconnected"});
}

TEST_CASE("a failing on_connected closes with an error and without reconnect; on_disconnected is not called",
          "[hub][close]") {
  const bool detailed = GENERATE(false, true);
  Noting hub({.detailed_errors = detailed});
  hub.connecting_fails = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  hub.settle();
  CHECK(client.take() ==
        (detailed ? R"({"type":7,"error":"Connection closed with an error. InvalidOperationException: no entry"})"
                  : R"({"type":7,"error":"Connection closed with an error."})"));
  CHECK(hub.take_lines() == Lines{"connected"});
  CHECK(hub.lifetime.events() == Lines{"connected ", "disconnected"});
}

TEST_CASE("an input that ends inside a message is an error", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send_bytes("{\"type\":6");
  client.end(hub::InputEnd::kClosed);
  hub.settle();
  CHECK(client.take() == R"({"type":7,"error":"Connection closed with an error.","allowReconnect":true})");
}

TEST_CASE("an input that ends in order allows to reconnect", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.end(hub::InputEnd::kClosed);
  hub.settle();
  CHECK(client.take() == R"({"type":7,"allowReconnect":true})");
  CHECK(hub.take_lines().back() == "gone connection_00000000001");
}

TEST_CASE("a slow consumer is told to reconnect, and the hub why", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.end(hub::InputEnd::kSlowConsumer);
  hub.settle();
  CHECK(client.take() == R"({"type":7,"allowReconnect":true})");
  CHECK(hub.handler.counters().slow_consumers == 1);
  CHECK_THAT(hub.take_lines()[2], contains("slow consumer"));
}

TEST_CASE("a message over the limit closes the connection", "[hub][close]") {
  Noting hub({.detailed_errors = true, .maximum_receive_message_size = 100});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send_bytes(call("Note", "1", "\"" + std::string(200, 'a')));
  hub.settle();
  CHECK_THAT(client.take(), contains("The maximum message size of 100B was exceeded."));
}

TEST_CASE("a result that the protocol cannot write closes the connection", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Nan", "1"));
  hub.settle();
  CHECK(client.take() == R"({"type":7,"error":"Connection closed with an error.","allowReconnect":true})");
}

TEST_CASE("a waiting call whose result cannot be written closes the connection and harms nobody", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  TestClient other(hub.handler, "connection_00000000002");
  REQUIRE(client.connect());
  REQUIRE(other.connect());
  client.send(call("Wait", "1", "\"a\""));
  client.send(call("Nan", "2"));
  client.send(call("Note", "3", "\"never\""));
  hub.settle();
  hub.release_one();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":"a"} )"
                         R"({"type":7,"error":"Connection closed with an error.","allowReconnect":true})");
  CHECK(client.close_code() == 1000);
  other.send(call("Who", "1"));
  CHECK(other.take() == R"({"type":3,"invocationId":"1","result":""})");
}

TEST_CASE("an argument whose conversion throws is a binding error", "[hub]") {
  Noting hub({.detailed_errors = true});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Odd", "1", "1"));
  CHECK_THAT(client.take(), contains("Failed to invoke 'Odd' due to an error on the server. InvalidDataException: "
                                     "Error binding arguments."));
  CHECK_FALSE(client.close_code());
}

TEST_CASE("a server that shuts down lets running calls end and then allows to reconnect", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "1", "\"a\""));
  hub.settle();
  client.connection().handler().on_shutdown();
  hub.settle();
  CHECK(client.take().empty());
  hub.release_one();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":"a"} {"type":7,"allowReconnect":true})");
  CHECK(client.close_code() == 1000);
}

TEST_CASE("a connection whose transport is cut while it shuts down does not wait for its calls", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "1", "\"a\""));
  client.connection().handler().on_shutdown();
  client.end();
  hub.settle();
  CHECK(client.connection().is_closed());
  CHECK(hub.lifetime.events() == Lines{"connected ", "disconnected"});
}

TEST_CASE("calls that come while a server waits for a running one are answered, too", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "1", "\"a\""));
  hub.settle();
  client.connection().handler().on_shutdown();
  client.send(call("Who", "2"));
  client.connection().handler().on_shutdown();
  hub.settle();
  hub.release_one();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":"a"} {"type":3,"invocationId":"2","result":""} )"
                         R"({"type":7,"allowReconnect":true})");
}

TEST_CASE("a connection that is cut waits for nothing", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  SECTION("not for a call that waits behind one that never ends") {
    REQUIRE(client.connect());
    client.send(call("Wait", "1", "\"a\""));
    client.send(call("Note", "2", "\"never\""));
    SECTION("while all is well") {}
    SECTION("while it shuts down") { client.connection().handler().on_shutdown(); }
    SECTION("after the client was lost") { client.end(); }
    hub.settle();
    client.connection().handler().on_cut();
    hub.settle();
    CHECK(client.connection().is_closed());
    CHECK(hub.take_lines() ==
          Lines{"connected", "path ", "begin a", "aborted a", "disconnected - aborted", "gone connection_00000000001"});
  }
  SECTION("not for an on_connected that never ends") {
    hub.connecting_waits = true;
    REQUIRE(client.connect());
    client.connection().handler().on_cut();
    hub.settle();
    CHECK(client.connection().is_closed());
    client.release();
    CHECK(hub.take_lines() == Lines{"connected"});
    // When it ends after all, the hub hears the end, too.
    hub.release_one();
    hub.settle();
    CHECK(hub.take_lines() == Lines{"disconnected - aborted", "gone connection_00000000001"});
  }
  SECTION("not for the lifetime manager") {
    hub.lifetime.holds_registrations = true;
    REQUIRE(client.connect());
    client.connection().handler().on_cut();
    CHECK(client.connection().is_closed());
  }
  SECTION("not for a handshake") {
    client.attach();
    client.connection().handler().on_cut();
    CHECK(client.connection().is_closed());
  }
}

TEST_CASE("on_disconnected hears of a reset, and nothing of an end in order", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  SECTION("FIN") {
    client.end(hub::InputEnd::kLost);
    hub.settle();
    CHECK(hub.take_lines()[2] == "disconnected - aborted");
  }
  SECTION("RST") {
    client.end(hub::InputEnd::kLost, "The client reset the connection.");
    hub.settle();
    CHECK(hub.take_lines()[2] == "disconnected The client reset the connection. aborted");
  }
}

TEST_CASE("what is shown of a paused input before its end is received", "[hub][close][backpressure]") {
  Noting hub({.application_max_buffer_size = 100});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send_bytes(call("Wait", "0", "\"a\"") + '\x1e');
  std::string many;
  for (int i = 1; i <= 5; ++i) many += call("Note", std::to_string(i), "\"" + std::to_string(i) + "\"") + '\x1e';
  client.send_bytes(many);
  REQUIRE(client.connection().is_paused);
  REQUIRE(client.unread() > 0);
  client.show_rest();
  CHECK(client.unread() == 0);
  client.end(hub::InputEnd::kLost);
  hub.settle();
  hub.release_one();
  hub.settle();
  CHECK(hub.take_lines() == Lines{"connected", "path ", "begin a", "aborted a", "end a of connection_00000000001", "1",
                                  "2", "3", "4", "5", "disconnected - aborted", "gone connection_00000000001"});
}

TEST_CASE("a completion waits until the joins of its call are confirmed", "[hub][groups]") {
  Noting hub;
  hub.lifetime.holds_groups = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  const bool awaited = GENERATE(false, true);
  client.send(call(awaited ? "JoinAwaited" : "Join", "1", "\"g\""));
  client.send(call("Note", "2", "\"next\""));
  hub.settle();
  CHECK(client.take().empty());  // the slot is held, too
  hub.lifetime.confirm_all();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":null} {"type":3,"invocationId":"2","result":null})");
}

TEST_CASE("a completion waits for its joins five seconds at most", "[hub][groups]") {
  Noting hub;
  hub.lifetime.holds_groups = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Join", "1", "\"g\""));
  hub.advance(milliseconds(4500));
  CHECK(client.take().empty());
  hub.advance(milliseconds(1600));
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":null})");
  CHECK(hub.call_counters().joins_given_up == 1);
  hub.lifetime.confirm_all();  // late, and nobody's business
  hub.settle();
  CHECK(client.take().empty());
}

TEST_CASE("a join that fails and was not awaited is logged, counted, and does not fail the call", "[hub][groups]") {
  Noting hub;
  hub.lifetime.holds_groups = true;
  hub.lifetime.fails_groups = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Join", "1", "\"g\""));
  hub.lifetime.confirm_all();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":null})");
  CHECK(hub.call_counters().unawaited_group_failures == 1);
  CHECK(hub.log.contains("nobody answered"));
}

TEST_CASE("a join that fails where it is awaited is the call's error", "[hub][groups]") {
  const bool detailed = GENERATE(false, true);
  Noting hub({.detailed_errors = detailed});
  hub.lifetime.holds_groups = true;
  hub.lifetime.fails_groups = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("JoinAwaited", "1", "\"g\""));
  hub.lifetime.confirm_all();
  hub.settle();
  CHECK_THAT(client.take(), contains(detailed ? "RedisConnectionException: nobody answered" : "on the server.\""));
  CHECK(hub.call_counters().unawaited_group_failures == 0);
}

TEST_CASE("on_connected holds back calls until its joins are confirmed", "[hub][groups]") {
  Noting hub;
  hub.lifetime.holds_groups = true;
  hub.connecting_joins = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Note", "1", "\"a\""));
  hub.settle();
  CHECK(client.take().empty());
  hub.lifetime.confirm_all();
  hub.settle();
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":null})");
}

TEST_CASE("on_connected runs when the lifetime manager has registered the connection", "[hub]") {
  Noting hub;
  hub.lifetime.holds_registrations = true;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  hub.settle();
  CHECK(hub.take_lines().empty());
  SECTION("late") {
    hub.lifetime.confirm_all();
    hub.settle();
    CHECK(hub.take_lines() == Lines{"connected", "path "});
  }
  SECTION("not when the client has gone meanwhile") {
    client.end();
    hub.settle();
    client.release();
    hub.lifetime.confirm_all();
    hub.settle();
    client.release();
    CHECK(hub.handler.size() == 0);
  }
}

TEST_CASE("a user id comes from the request's facts", "[hub]") {
  Noting hub({}, [](const HttpFacts& facts) { return facts.query_value("user").value_or(""); });
  TestClient client(hub.handler);
  client.connection().facts().query = "id=x&USER=al%20ice";
  REQUIRE(client.connect());
  client.send(call("Who", "1"));
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":"al ice"})");
  CHECK(hub.lifetime.events() == Lines{"connected al ice"});
}

TEST_CASE("a user id function that fails closes the connection", "[hub][close]") {
  Noting hub({}, [](const HttpFacts&) -> std::string { throw std::runtime_error("who?"); });
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  hub.settle();
  CHECK(client.take() == R"({"type":7,"error":"Connection closed with an error."})");
  CHECK(hub.lifetime.events().empty());
}

TEST_CASE("request facts are kept when the hub wants them", "[hub]") {
  const bool keeps = GENERATE(false, true);
  Noting hub({.keep_http_facts = keeps});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Path", "1"));
  CHECK(client.take() ==
        (keeps ? R"({"type":3,"invocationId":"1","result":true})" : R"({"type":3,"invocationId":"1","result":false})"));
}

TEST_CASE("a send of hub code reaches every client with its arguments", "[hub]") {
  Noting hub;
  TestClient first(hub.handler, "connection_00000000001");
  TestClient second(hub.handler, "connection_00000000002");
  REQUIRE(first.connect());
  REQUIRE(second.connect());
  first.send(R"({"type":1,"target":"tell","arguments":["hi"]})");
  CHECK(first.take() == R"({"type":1,"target":"Told","arguments":["hi",1,true]})");
  CHECK(second.take() == R"({"type":1,"target":"Told","arguments":["hi",1,true]})");
}

TEST_CASE("pings come every fifteen seconds, whatever else is sent", "[hub][time]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  hub.advance(seconds(14));
  CHECK(client.take().empty());
  hub.advance(seconds(2));
  CHECK(client.take() == R"({"type":6})");
  hub.advance(seconds(15));
  CHECK(client.take() == R"({"type":6})");
}

TEST_CASE("a client that never pinged is never timed out; one that did is, after thirty seconds of silence",
          "[hub][time]") {
  Noting hub({.detailed_errors = true});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  hub.advance(seconds(120));
  client.take();
  CHECK_FALSE(client.close_code());
  client.send(R"({"type":6})");
  hub.advance(seconds(29));
  CHECK_FALSE(client.close_code());
  client.send(call("Note", "1", "\"a\""));
  hub.advance(seconds(29));
  CHECK_FALSE(client.close_code());
  hub.advance(seconds(4));
  CHECK(client.close_code() == 1000);
  CHECK_THAT(client.take(),
             contains(R"({"type":7,"error":"Connection closed with an error. OperationCanceledException: )"
                      R"(Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",)"
                      R"("allowReconnect":true})"));
}

TEST_CASE("a handshake that does not come in time is canceled", "[hub][handshake][time]") {
  Noting hub;
  TestClient client(hub.handler);
  client.attach();
  client.send_bytes("{\"protocol\":");
  hub.advance(seconds(14));
  CHECK_FALSE(client.close_code());
  hub.advance(seconds(2));
  CHECK(client.take() == R"({"error":"Handshake was canceled."})");
  CHECK(client.close_code() == 1000);
  CHECK(hub.take_lines().empty());
}

TEST_CASE("reading pauses while too much waits for a call, and goes on when it has ended", "[hub][backpressure]") {
  Noting hub({.application_max_buffer_size = 500});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Wait", "0", "\"a\""));
  for (int i = 1; i <= 20; ++i) client.send(call("Note", std::to_string(i), "\"x\""));
  hub.settle();
  CHECK(client.connection().is_paused);
  CHECK(client.unread() > 0);
  hub.release_one();
  hub.settle();
  CHECK_FALSE(client.connection().is_paused);
  client.deliver();
  hub.settle();
  const std::string answers = client.take();
  for (int i = 0; i <= 20; ++i) CHECK_THAT(answers, contains("\"invocationId\":\"" + std::to_string(i) + "\""));
  CHECK(client.unread() == 0);
}

TEST_CASE("a client whose input is paused is not timed out", "[hub][backpressure][time]") {
  Noting hub({.application_max_buffer_size = 10});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(R"({"type":6})");
  client.send(call("Wait", "1", "\"a\""));
  client.send(call("Note", "2", "\"b\""));
  hub.advance(seconds(100));
  CHECK(client.connection().is_paused);
  CHECK_FALSE(client.close_code());
  hub.release_one();
  hub.settle();
  hub.advance(seconds(20));
  CHECK_FALSE(client.close_code());
}

TEST_CASE("a client whose calls wait is not timed out, and its time begins anew when they have run",
          "[hub][order][time]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(R"({"type":6})");
  client.send(call("Wait", "1", "\"a\""));
  client.send(call("Note", "2", "\"b\""));
  hub.advance(seconds(100));
  CHECK_FALSE(client.close_code());
  hub.release_one();
  hub.settle();
  hub.advance(seconds(29));
  CHECK_FALSE(client.close_code());
  hub.advance(seconds(4));
  CHECK(client.close_code());
}

TEST_CASE("a send that cannot be made and was not awaited is logged and counted", "[hub]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("TellNobody", "1"));
  CHECK(client.take() == R"({"type":3,"invocationId":"1","result":null})");
  CHECK(hub.call_counters().unawaited_send_failures == 1);
  CHECK(hub.log.contains("a send that nobody awaited failed"));
}

TEST_CASE("a HubException of the program's own has its own label", "[hub]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Refuse", "1"));
  CHECK_THAT(client.take(), contains("An unexpected error occurred invoking 'Refuse' on the server. QuotaException: "
                                     "not you\""));
}

TEST_CASE("a function that throws when a client is lost harms nobody", "[hub][close]") {
  Noting hub;
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("WatchBadly", "1"));
  hub.settle();
  client.end();
  hub.settle();
  CHECK(hub.take_lines()[2] == "second");
  CHECK(hub.log.contains("bad"));
}

TEST_CASE("of a connection whose id is its token, the log shows a part only", "[hub]") {
  Noting hub;
  const std::string id = std::string(24, 't') + "ABCDEF0123456789abcdef";
  TestClient client(hub.handler, id);
  client.connection().has_token_id = true;
  REQUIRE(client.connect());
  client.send(call("Nope", "1"));
  client.send(call("Nan", "2"));
  hub.settle();
  CHECK(hub.log.contains("connection=ABCDEF "));
  CHECK_FALSE(hub.log.contains("ABCDEF0"));
}

TEST_CASE("the detail of a Close begins with a label", "[hub][close]") {
  Noting hub({.detailed_errors = true});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send(call("Nan", "1"));
  hub.settle();
  CHECK_THAT(client.take(), contains(R"("error":"Connection closed with an error. ArgumentException: the value)"));
}

TEST_CASE("request facts are gone with the client", "[hub]") {
  Noting hub({.keep_http_facts = true});
  TestClient client(hub.handler);
  REQUIRE(client.connect());
  client.send_bytes(call("AbortThenPath", "1") + '\x1e');
  hub.settle();
  CHECK(hub.take_lines()[2] == "facts: none");
}

TEST_CASE("a binary protocol needs a transport that carries it", "[hub][handshake]") {
  Noting hub;
  TestClient client(hub.handler);
  client.connection().is_text_only = true;
  client.attach();
  client.send(R"({"protocol":"messagepack","version":1})");
  CHECK(client.take() ==
        R"({"error":"Cannot use the 'messagepack' protocol on the current transport. The transport does not support )"
        R"('Binary' transfer format."})");
}

TEST_CASE("a hub that is destroyed with calls waiting drops them", "[hub]") {
  std::vector<TaskSource<>> waiting;
  {
    Noting hub;
    TestClient client(hub.handler);
    REQUIRE(client.connect());
    client.send(call("Wait", "1", "\"a\""));
    waiting = hub.waiting;
  }
  for (const auto& source : waiting) source.complete();
  SUCCEED("nothing of the hub is touched");
}

}  // namespace
}  // namespace hubgate::test
