#include "hub/connections/http_connection_dispatcher.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/hub/connections/recording_acceptor.h"
#include "tests/hub/connections/transport_fixture.h"
#include "tests/support/catch.h"
#include "tests/support/memory_log.h"

namespace hubgate::hub {
namespace {

using hubgate::test::contains;

const std::string kUpgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const std::string kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

std::string request(const std::string& method, const std::string& target, const std::string& fields = {}) {
  return method + " " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

/// "404 text/plain: body", with the content type left out when there is none.
std::string brief(const std::string& answer) {
  std::string text = answer.substr(answer.find(' ') + 1, 3);
  const std::size_t type = answer.find("Content-Type: ");
  if (type != std::string::npos) text += " " + answer.substr(type + 14, answer.find('\r', type) - type - 14);
  return text + ": " + body_of(answer);
}

struct DispatcherFixture {
  DispatcherFixture() {
    NegotiateOptions without_websockets;
    without_websockets.transports.websockets = false;
    manager.map("/nows", acceptor, without_websockets);
  }

  int connect(ConnectionOrigin origin = {}, std::string_view input = {}) {
    hubgate::test::SocketPair sockets;
    dispatcher.serve(std::move(sockets.a), std::move(origin), as_bytes(input));
    clients.push_back(std::move(sockets.b));
    return clients.back().get();
  }
  std::string receive(int client) {
    for (int i = 0; i < 6; ++i) loop.turn(false);
    return hubgate::test::read_available(client);
  }
  std::string exchange(int client, std::string_view bytes) {
    hubgate::test::write_all(client, bytes);
    return receive(client);
  }
  /// On a connection of its own.
  std::string answer_to(std::string_view bytes) { return exchange(connect(), bytes); }
  std::string negotiate(const std::string& path = "/chat") {
    return nlohmann::json::parse(body_of(answer_to(request("POST", path + "/negotiate?negotiateVersion=1"))))
        .at("connectionToken");
  }

  event::Loop loop;
  hubgate::test::ManualTimers timers;
  SeededRandom random{42};
  hubgate::test::MemoryLog log;
  test::RecordingAcceptor acceptor;
  std::vector<Descriptor> clients;
  HttpConnectionManager manager{loop, timers, random, *log};
  const MappedPath& chat = manager.map("/chat", acceptor);
  HttpConnectionDispatcher dispatcher{loop, timers, manager};
};

TEST_CASE("a negotiation is answered as JSON and makes a connection", "[hub][connections]") {
  const std::string target = GENERATE(as<std::string>{}, "/chat/negotiate?negotiateVersion=1",
                                      "/CHAT/Negotiate/?NegotiateVersion=1", "/ch%61t/negotiate?negotiateVersion=2");
  DispatcherFixture fixture;
  const std::string answer = fixture.answer_to(request("POST", target, "Content-Length: 4\r\n") + "junk");
  CHECK_THAT(answer, contains("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, contains("Content-Type: application/json\r\n"));
  CHECK_THAT(answer, contains("Content-Length: 192\r\n"));
  const auto body = nlohmann::json::parse(body_of(answer));
  CHECK(fixture.manager.find(body.at("connectionToken").get<std::string>(), fixture.chat) != nullptr);
  CHECK(fixture.manager.pending() == 1);
}

TEST_CASE("a refused negotiation is answered with 200 and makes nothing", "[hub][connections]") {
  DispatcherFixture fixture;
  CHECK(brief(fixture.answer_to(request("POST", "/chat/negotiate?negotiateVersion=x", "Content-Length: 0\r\n"))) ==
        "200 application/json: {\"error\":\"The client requested a non-integer protocol version.\"}");
  CHECK(fixture.manager.is_empty());
}

TEST_CASE("methods and paths are answered as ASP.NET Core does", "[hub][connections]") {
  std::ifstream file("tests/data/vectors/negotiate.json");
  DispatcherFixture fixture;
  fixture.manager.map("/hub", fixture.acceptor);
  const auto vectors = nlohmann::json::parse(file).at("vectors");
  int compared = 0;
  for (const auto& vector : vectors) {
    const auto& wanted = vector.at("response");
    const int status = wanted.at("status");
    if (status != 405 && status != 404) continue;
    CAPTURE(vector.at("name").get<std::string>());
    std::string expected = std::to_string(status);
    for (const auto& field : wanted.at("headers")) {
      if (field.at(0) == "Content-Type") expected += " " + field.at(1).get<std::string>();
    }
    const std::string answer =
        fixture.answer_to(request(vector.at("request").at("method"), vector.at("request").at("target")));
    CHECK(brief(answer) == expected + ": ");
    CHECK_THAT(answer, contains("Content-Length: 0\r\n"));
    ++compared;
  }
  CHECK(compared >= 6);
}

TEST_CASE("several requests come over one connection, an upgrade last", "[hub][connections]") {
  DispatcherFixture fixture;
  const int client = fixture.connect();
  CHECK_THAT(fixture.exchange(client, request("GET", "/elsewhere")), contains("HTTP/1.1 404 Not Found\r\n"));
  const std::string answer = fixture.exchange(client, request("POST", "/chat/negotiate?negotiateVersion=1"));
  const std::string token = nlohmann::json::parse(body_of(answer)).at("connectionToken");
  CHECK(fixture.dispatcher.http_connections() == 1);
  CHECK(fixture.exchange(client, request("GET", "/chat?id=" + token, kUpgrade)) == kSwitched);
  CHECK(fixture.dispatcher.http_connections() == 0);
  CHECK(fixture.manager.active() == 1);
  hubgate::test::write_all(client, test::text_frame("hello"));
  fixture.acceptor.last().context->write(Payload("hi"));
  CHECK(test::said(fixture.receive(client)) == "text:hi|");
  CHECK(fixture.acceptor.last().input == "hello");
}

TEST_CASE("a WebSocket without id is a new connection", "[hub][connections]") {
  const std::string target = GENERATE(as<std::string>{}, "/chat", "/chat/", "/chat?id=", "/chat?other=1");
  DispatcherFixture fixture;
  CHECK(fixture.answer_to(request("GET", target, kUpgrade)) == kSwitched);
  CHECK(fixture.manager.active() == 1);
  CHECK(fixture.acceptor.last().context->connection_id().size() == 22);
}

TEST_CASE("early bytes of a handed-over connection become WebSocket bytes after the 101", "[hub][connections]") {
  DispatcherFixture fixture;
  ConnectionOrigin origin;
  origin.remote_address = "198.51.100.1:5";
  const std::string head = request("GET", "/chat?user=ann", kUpgrade + "X-Hubgate-Connection: client=192.0.2.1:1\r\n");
  const int client = fixture.connect(origin, head + test::text_frame("early"));
  CHECK(fixture.receive(client) == kSwitched);
  CHECK(fixture.acceptor.last().input == "early");
  CHECK(fixture.acceptor.query == "user=ann");
  CHECK(fixture.acceptor.remote_address == "198.51.100.1:5");
  const RequestFacts& facts = fixture.acceptor.last().context->facts();
  CHECK(facts.query_value("USER") == "ann");
  CHECK(facts.headers.get("host") == "h");
  CHECK_FALSE(facts.headers.has("X-Hubgate-Connection"));
}

TEST_CASE("a relayed request names its client, and only there it is believed", "[hub][connections]") {
  DispatcherFixture fixture;
  ConnectionOrigin origin;
  origin.is_relayed = true;
  origin.epoch = 7;
  origin.number = 8;
  const std::string fields =
      "X-Hubgate-Connection: listener=main; client=192.0.2.9:4711; local=192.0.2.1:80; proto=https; id=req-1\r\n";
  CHECK(fixture.exchange(fixture.connect(origin), request("GET", "/chat", kUpgrade + fields)) == kSwitched);
  CHECK(fixture.acceptor.remote_address == "192.0.2.9:4711");
  CHECK(fixture.acceptor.last().context->facts().local_address == "192.0.2.1:80");

  // The proxy counts it as relayed: its end is no end of a handover.
  std::vector<std::uint64_t> closed;
  fixture.manager.set_on_closed([&](const ClosedRecord& record) { closed = {record.epoch, record.number}; });
  fixture.clients.clear();
  fixture.acceptor.last().context->abort();
  for (int i = 0; i < 6; ++i) fixture.loop.turn(false);
  CHECK(closed == std::vector<std::uint64_t>{0, 0});
}

TEST_CASE("look-ups fail in SignalR's words", "[hub][connections]") {
  DispatcherFixture fixture;
  const std::string required = "400 text/plain: Connection ID required";
  const std::string unknown = "404 text/plain: No Connection with that ID";
  CHECK(brief(fixture.answer_to(request("GET", "/chat"))) == required);
  CHECK(brief(fixture.answer_to(request("GET", "/chat?id="))) == required);
  CHECK(brief(fixture.answer_to(request("POST", "/chat"))) == required);
  CHECK(brief(fixture.answer_to(request("DELETE", "/chat"))) == required);
  CHECK(brief(fixture.answer_to(request("GET", "/chat", "Accept: text/event-stream\r\n" + kUpgrade))) == required);
  CHECK(brief(fixture.answer_to(request("GET", "/chat?id=unknown"))) == unknown);
  CHECK(brief(fixture.answer_to(request("POST", "/chat?id=unknown"))) == unknown);
  CHECK(brief(fixture.answer_to(request("DELETE", "/chat?id=unknown"))) == unknown);
  CHECK(brief(fixture.answer_to(request("GET", "/chat?id=unknown", kUpgrade))) == "404: No Connection with that ID");
  const std::string token = fixture.negotiate();
  CHECK(brief(fixture.answer_to(request("GET", "/chat?id=" + token + "&id=x", kUpgrade))) ==
        "404: No Connection with that ID");
  CHECK(brief(fixture.answer_to(request("GET", "/nows?id=" + token))) == unknown);
  CHECK(brief(fixture.answer_to(request("PUT", "/chat?id=x"))) == "405 text/plain: ");
  CHECK(brief(fixture.answer_to(request("OPTIONS", "/chat"))) == "405 text/plain: ");
}

TEST_CASE("transports that an endpoint does not have are refused by name", "[hub][connections]") {
  DispatcherFixture fixture;
  const std::string token = fixture.negotiate();
  const std::string poll = fixture.answer_to(request("GET", "/chat?id=" + token));
  CHECK(brief(poll) == "404 text/plain: LongPolling transport not supported by this end point type");
  CHECK_THAT(poll, contains("Cache-Control: no-cache, no-store\r\nExpires: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                            "Pragma: no-cache\r\n"));
  for (const char* accept : {"text/event-stream", "TEXT/Event-Stream", "*/*, text/event-stream"}) {
    CHECK(brief(fixture.answer_to(request("GET", "/chat?id=" + token, "Accept: " + std::string(accept) + "\r\n"))) ==
          "404 text/plain: ServerSentEvents transport not supported by this end point type");
  }
  for (const char* accept : {"text/event-stream;q=0.5", "text/*", "text/event-streamx"}) {
    CHECK(brief(fixture.answer_to(request("GET", "/chat?id=" + token, "Accept: " + std::string(accept) + "\r\n"))) ==
          "404 text/plain: LongPolling transport not supported by this end point type");
  }
  CHECK(brief(fixture.answer_to(request("GET", "/nows", kUpgrade))) ==
        "404 text/plain: WebSockets transport not supported by this end point type");
  CHECK(brief(fixture.answer_to(request("DELETE", "/chat?id=" + token))) ==
        "400 text/plain: Cannot terminate this connection using the DELETE endpoint.");
  // None of it has spent the token.
  CHECK(fixture.answer_to(request("GET", "/chat?id=" + token, kUpgrade)) == kSwitched);
}

TEST_CASE("a connection attaches once", "[hub][connections]") {
  DispatcherFixture fixture;
  const std::string token = fixture.negotiate();
  const int client = fixture.connect();
  CHECK(fixture.exchange(client, request("GET", "/chat?id=" + token, kUpgrade)) == kSwitched);
  const std::string second = fixture.answer_to(request("GET", "/chat?id=" + token, kUpgrade));
  CHECK(brief(second) == "409 text/plain: ");
  CHECK_THAT(second, contains("Connection: close\r\n"));
  CHECK(brief(fixture.answer_to(request("POST", "/chat?id=" + token))) ==
        "405 text/plain: POST requests are not allowed for WebSocket connections.");
  CHECK(fixture.manager.active() == 1);
}

TEST_CASE("a defective upgrade is a poll, and nothing behind it is a request", "[hub][connections]") {
  const std::string fields =
      GENERATE(as<std::string>{},
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  DispatcherFixture fixture;
  const int client = fixture.connect();
  const std::string answer =
      fixture.exchange(client, request("GET", "/chat", fields) + request("POST", "/chat/negotiate"));
  CHECK(brief(answer) == "400 text/plain: Connection ID required");
  CHECK_THAT(answer, contains("Connection: close\r\n"));
  CHECK(fixture.manager.is_empty());
}

TEST_CASE("pages of listed origins may use a hub, over HTTP and WebSockets alike, and others may not",
          "[hub][connections][cors]") {
  DispatcherFixture fixture;
  fixture.manager.map("/listed", fixture.acceptor, {}, OriginList::make({"https://app.example"}).value());
  const std::string page = "Origin: https://app.example\r\n";
  const std::string foreign = "Origin: https://evil.example\r\n";
  SECTION("negotiations, refused look-ups and 404 alike") {
    const std::string allowed =
        "Vary: Origin\r\nAccess-Control-Allow-Origin: https://app.example\r\n"
        "Access-Control-Allow-Credentials: true\r\n";
    CHECK_THAT(fixture.answer_to(request("POST", "/listed/negotiate?negotiateVersion=1", page)), contains(allowed));
    CHECK_THAT(fixture.answer_to(request("GET", "/listed?id=unknown", page)), contains(allowed));
    CHECK_THAT(fixture.answer_to(request("PUT", "/listed", page)), contains(allowed));
    const std::string plain = fixture.answer_to(request("POST", "/listed/negotiate?negotiateVersion=1"));
    CHECK_THAT(plain, contains("Vary: Origin\r\n"));
    CHECK(plain.find("Access-Control") == std::string::npos);
    CHECK(fixture.manager.pending() == 2);
  }
  SECTION("a foreign page makes nothing and learns nothing") {
    for (const char* path : {"/listed/negotiate?negotiateVersion=1", "/chat/negotiate?negotiateVersion=1"}) {
      const std::string refused = fixture.answer_to(request("POST", path, foreign));
      CHECK(brief(refused) == "403 text/plain: The origin of this page is not allowed here.");
      CHECK(refused.find("Access-Control") == std::string::npos);
    }
    const std::string token = fixture.negotiate("/listed");
    CHECK(brief(fixture.answer_to(request("GET", "/listed?id=" + token, kUpgrade + foreign))).substr(0, 3) == "403");
    CHECK(brief(fixture.answer_to(request("GET", "/listed", kUpgrade + foreign))).substr(0, 3) == "403");
    CHECK(fixture.manager.active() == 0);
    CHECK(fixture.answer_to(request("GET", "/listed?id=" + token, kUpgrade + page)) == kSwitched);
  }
  SECTION("its own page needs no list") {
    CHECK(fixture.answer_to(request("GET", "/chat", kUpgrade + "Origin: http://h\r\n")) == kSwitched);
  }
  SECTION("a preflight says what may be sent") {
    const std::string asks =
        "Access-Control-Request-Method: POST\r\n"
        "Access-Control-Request-Headers: x-app,x-requested-with\r\n";
    const std::string answer = fixture.answer_to(request("OPTIONS", "/listed/negotiate", page + asks));
    CHECK_THAT(answer, contains("HTTP/1.1 204 No Content\r\n"));
    CHECK_THAT(answer, contains("Access-Control-Allow-Origin: https://app.example\r\n"));
    CHECK_THAT(answer, contains("Access-Control-Allow-Methods: GET, POST, DELETE\r\n"));
    CHECK_THAT(answer, contains("Access-Control-Allow-Headers: x-app,x-requested-with\r\n"));
    CHECK(brief(fixture.answer_to(request("OPTIONS", "/listed", foreign + asks))).substr(0, 3) == "403");
    CHECK(brief(fixture.answer_to(request("OPTIONS", "/listed", asks))) == "405 text/plain: ");
    CHECK(brief(fixture.answer_to(request("OPTIONS", "/listed", page))) == "405 text/plain: ");
  }
}

TEST_CASE("a server that is full says so to whoever would be one more", "[hub][connections]") {
  DispatcherFixture fixture;
  std::size_t most = 2;
  fixture.dispatcher.set_admission([&](std::size_t more) {
    return fixture.manager.active() + fixture.manager.pending() + fixture.dispatcher.http_connections() + more <= most;
  });
  const int client = fixture.connect();
  const std::string first = fixture.exchange(client, request("POST", "/chat/negotiate?negotiateVersion=1"));
  const std::string token = nlohmann::json::parse(body_of(first)).at("connectionToken");
  const std::string second = fixture.exchange(client, request("POST", "/chat/negotiate?negotiateVersion=1"));
  CHECK(brief(second) == "503 text/plain: The server takes no more connections now.");
  CHECK_THAT(second, contains("Retry-After: 1\r\n"));
  CHECK(fixture.manager.pending() == 1);
  // Who has a token is in already.
  CHECK(fixture.exchange(client, request("GET", "/chat?id=" + token, kUpgrade)) == kSwitched);
  CHECK(fixture.answer_to(request("GET", "/chat", kUpgrade)) == kSwitched);
  CHECK(brief(fixture.answer_to(request("GET", "/chat", kUpgrade))).substr(0, 3) == "503");
  CHECK(fixture.manager.active() == 2);
}

TEST_CASE("HTTP connections end when they are drained", "[hub][connections]") {
  DispatcherFixture fixture;
  const int client = fixture.connect();
  fixture.receive(client);
  fixture.dispatcher.drain_http();
  fixture.receive(client);
  CHECK(fixture.dispatcher.http_connections() == 0);
}

}  // namespace
}  // namespace hubgate::hub
