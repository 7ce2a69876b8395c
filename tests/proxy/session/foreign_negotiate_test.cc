#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;
using namespace std::chrono_literals;

// Servers that are not ours: the proxy puts a tag before their tokens and takes it off again.

namespace {

const std::string kToken = "0cF2zT6Qy0mR9c3YdQk8Jw";
const std::string kBody = R"({"negotiateVersion":1,"connectionId":"m3oyQzJ2bV0QqfS9u1wT4g","connectionToken":")" +
                          kToken + R"(","availableTransports":[]})";

std::string with_length(const std::string& body, const std::string& more = {}, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string negotiate(const std::string& more = {}) { return post("/chat/negotiate?negotiateVersion=1", "", more); }

struct Foreign {
  Foreign() { endpoint = &gateway.add_upstream(server, 1); }
  std::string tagged() const { return std::string(kBody).insert(kBody.find(kToken), gateway.tags.at(1)); }
  std::string id() const { return gateway.tags.at(1) + kToken; }
  // The request line that reached the server last.
  std::string asked() const {
    const std::string all = server.received();
    const std::size_t end = all.find(" HTTP/1.1\r\n", all.rfind(" /"));
    const std::size_t begin = all.rfind('\n', end) + 1;
    return all.substr(begin, end - begin);
  }

  Gateway gateway;
  FakeUpstream server;
  Endpoint* endpoint = nullptr;
};

}  // namespace

TEST_CASE("the token of a foreign server's answer gets the tag, and nothing else of it changes", "[proxy][session]") {
  Foreign f;
  f.server.script.answer = with_length(
      kBody, "Access-Control-Allow-Origin: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nCache-Control: no-store\r\n");
  const std::string answer = f.gateway.ask(negotiate("Accept-Encoding: gzip, br\r\nOrigin: x\r\n"));
  CHECK(status_of(answer) == "HTTP/1.1 200 OK");
  CHECK(body_of(answer) == f.tagged());
  CHECK_THAT(answer, contains("Content-Length: " + std::to_string(f.tagged().size()) + "\r\n"));
  CHECK_THAT(answer, contains("Content-Type: application/json\r\nAccess-Control-Allow-Origin: x\r\nSet-Cookie: "
                              "a=b\r\nSet-Cookie: c=d\r\nCache-Control: no-store\r\n"));
  CHECK(f.server.received().find("Accept-Encoding") == std::string::npos);
  CHECK_THAT(f.server.received(), contains("Origin: x\r\n"));
  CHECK(f.asked() == "POST /chat/negotiate?negotiateVersion=1");
  CHECK(f.gateway.metrics.responses[2] == 1);
}

TEST_CASE("however the answer comes, it is the same", "[proxy][session]") {
  Foreign f;
  const std::size_t piece = GENERATE(1U, 7U, 100U, 100'000U);
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  const int framing = GENERATE(0, 1, 2);
  f.server.script.piece = piece;
  if (framing == 0) f.server.script.answer = with_length(kBody);
  if (framing == 1) {
    f.server.script.answer = head + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + kBody.substr(0, 5) + "\r\n";
    std::array<char, 16> size{};
    std::snprintf(size.data(), size.size(), "%zx", kBody.size() - 5);
    f.server.script.answer += std::string(size.data()) + "\r\n" + kBody.substr(5) + "\r\n0\r\n\r\n";
  }
  if (framing == 2) {
    f.server.script.answer = head + "\r\n" + kBody;
    f.server.script.end_at = f.server.script.answer.size();
  }
  const Descriptor client = f.gateway.connect();
  std::string answer = f.gateway.ask(client, negotiate());
  for (int i = 0; i < 500; ++i) f.gateway.turn(1);
  answer += read_available(client.get());
  CHECK(body_of(answer) == f.tagged());
  CHECK_THAT(answer, contains("Content-Length: " + std::to_string(f.tagged().size()) + "\r\n"));
  CHECK(answer.find("chunked") == std::string::npos);
  // The connection goes on, on both sides.
  f.server.script.answer = kOk;
  for (auto& connection : f.server.connections) connection.script.answer = kOk;
  f.gateway.ask(client, get("/app"));
  for (int i = 0; i < 100; ++i) f.gateway.turn(1);
  CHECK(f.server.connections.size() == (framing == 2 ? 2U : 1U));
}

TEST_CASE("the tag is off when a request reaches the server, whatever kind it is", "[proxy][session]") {
  Foreign f;
  f.server.script.answer = kOk;
  struct Row {
    std::string request;
    std::string asked;
  };
  const std::string id = f.id();
  const std::string encoded = "%" + std::string(id[0] == 'A' ? "41" : "00") + id.substr(1);
  const std::vector<Row> rows = {
      {get("/chat?id=" + id), "GET /chat?id=" + kToken},
      {post("/chat?id=" + id, ""), "POST /chat?id=" + kToken},
      {"DELETE /chat?id=" + id + " HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /chat?id=" + kToken},
      {get("/chat/?a=%20&ID=" + id + "&access_token=e%2By"), "GET /chat/?a=%20&ID=" + kToken + "&access_token=e%2By"},
      {get("/chat?id=" + encoded), "GET /chat?id=" + kToken},
      {post("/chat/refresh?id=" + id, ""), "POST /chat/refresh?id=" + kToken},
      {hub_upgrade("/chat?id=" + id), "GET /chat?id=" + kToken},
      // No token of the request: it passes as it is.
      {post("/chat/negotiate?id=" + id, ""), "POST /chat/negotiate?id=" + id},
      {"OPTIONS /chat?id=" + id + " HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS /chat?id=" + id},
      {get("/app?id=" + id), "GET /app?id=" + id},
      {get("/chat?id=" + kToken), "GET /chat?id=" + kToken},
      {get("/chat?id=" + id + "&id=" + id), "GET /chat?id=" + id + "&id=" + id},
      {get("/chat?id="), "GET /chat?id="},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    f.gateway.ask(row.request);
    CHECK(f.asked() == row.asked);
  }
}

TEST_CASE("each client's requests reach the foreign server that it negotiated with", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream one, two;
  one.script.answer = with_length(R"({"negotiateVersion":1,"connectionId":"a","connectionToken":"from-one"})");
  two.script.answer = with_length(R"({"connectionId":"from-two"})");  // version 0
  gateway.add_upstream(one, 1);
  gateway.add_upstream(two, 2);
  std::map<std::string, int> seen;
  for (int i = 0; i < 40; ++i) {
    const std::string body = body_of(gateway.ask(negotiate()));
    const std::size_t end = body.find("from-") + 8;
    const std::string id = body.substr(end - 32, 32);
    const std::string server = id.substr(24);
    ++seen[server];
    gateway.ask(get("/chat?id=" + id));
    FakeUpstream& asked = server == "from-one" ? one : two;
    CHECK(asked.connections.back().received.ends_with("\r\n\r\n"));
    CHECK_THAT(asked.received(), contains("GET /chat?id=" + server + " HTTP/1.1\r\n"));
  }
  CHECK(seen["from-one"] > 10);
  CHECK(seen["from-two"] > 10);
  CHECK(one.received().find("from-two") == std::string::npos);
  CHECK(two.received().find("from-one") == std::string::npos);
  CHECK(gateway.verdicts(Affinity::kFound) == 40);
}

TEST_CASE("redirects, errors and answers without a token pass as they are", "[proxy][session]") {
  Foreign f;
  const auto body = GENERATE(as<std::string>{}, R"({"url":"https://other/hub","accessToken":"e.y.J"})",
                             R"({"error":"no"})", R"( { } )", R"({"negotiateVersion":1,"connectionId":"x"})");
  f.server.script.answer = with_length(body);
  const std::string answer = f.gateway.ask(negotiate());
  CHECK(status_of(answer) == "HTTP/1.1 200 OK");
  CHECK(body_of(answer) == body);
}

TEST_CASE("only a 200 is looked into", "[proxy][session]") {
  Foreign f;
  const auto status = GENERATE(as<std::string>{}, "401 Unauthorized", "404 Not Found", "307 Temporary Redirect",
                               "202 Accepted", "500 Internal Server Error");
  f.server.script.answer = with_length("<html>", "Content-Encoding: br\r\nLocation: /x\r\n", status);
  const std::string answer = f.gateway.ask(negotiate());
  CHECK(status_of(answer) == "HTTP/1.1 " + status);
  CHECK_THAT(answer, contains("Content-Encoding: br\r\n"));
  CHECK(body_of(answer) == "<html>");
}

TEST_CASE("an answer that cannot be tagged becomes 502, is counted and logged", "[proxy][session]") {
  struct Row {
    std::string answer;
    std::string why;
  };
  const Row row = GENERATE(values<Row>({
      {with_length("\x1f\x8b", "Content-Encoding: gzip\r\n"), "the answer is encoded"},
      {with_length(kBody, "Content-Encoding: identity\r\nContent-Encoding: br\r\n"), "the answer is encoded"},
      {with_length("<html>login</html>"), "the body is no JSON object"},
      {with_length("[]"), "the body is no JSON object"},
      {with_length(""), "the body is no JSON object"},
      {with_length(kBody + "x"), "the body is no JSON object"},
      {with_length(R"({"connectionId":"a","connectionId":"b"})"), "connectionId is there twice"},
      {with_length(R"({"connectionId":")" + std::string(65'536, 'x') + "\"}"), "the answer is longer than 64 KiB"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + std::string(200'000, ' '),
       "the answer is longer than 64 KiB"},
  }));
  Foreign f;
  f.server.script.answer = row.answer;
  const Descriptor client = f.gateway.connect();
  std::string answer = f.gateway.ask(client, negotiate());
  f.gateway.turn(40);
  answer += read_available(client.get());
  CHECK(status_of(answer) == "HTTP/1.1 502 Bad Gateway");
  CHECK(answer.find("connectionId") == std::string::npos);
  CHECK(f.gateway.metrics.negotiates_unreadable == 1);
  CHECK(f.gateway.log.contains("\"negotiate answer cannot be read\" pool=main endpoint=" + f.endpoint->name() +
                               " error=\"" + row.why + "\""));
  CHECK_FALSE(f.endpoint->is_ejected());
  // The client's connection goes on.
  CHECK(status_of(f.gateway.ask(client, get("/nothing"))) == "HTTP/1.1 404 Not Found");
}

TEST_CASE("an answer to a negotiate that breaks off is no answer", "[proxy][session]") {
  Foreign f;
  const std::string whole = with_length(kBody);
  f.server.script.answer = whole;
  f.server.script.end_at = GENERATE_COPY(whole.size() - 1, whole.size() - kBody.size(), whole.size() - 30);
  const Descriptor client = f.gateway.connect();
  const std::string answer = f.gateway.ask(client, negotiate());
  CHECK(status_of(answer) == "HTTP/1.1 502 Bad Gateway");
  CHECK(f.gateway.metrics.negotiates_unreadable == 0);
  CHECK(f.gateway.sessions.size() == 1);
}

TEST_CASE("an answer to a negotiate that stops gets 504, and the client waits no longer", "[proxy][session]") {
  Foreign f;
  f.server.script.answer = with_length(kBody).substr(0, 100);
  const Descriptor client = f.gateway.connect();
  CHECK(f.gateway.ask(client, negotiate()).empty());
  f.gateway.advance(121s);
  CHECK(status_of(read_available(client.get())) == "HTTP/1.1 504 Gateway Timeout");
}

TEST_CASE("a proxy that ends while a negotiate is held back leaves nothing behind", "[proxy][session]") {
  Foreign f;
  f.server.script.answer = with_length(kBody).substr(0, 150);
  const Descriptor client = f.gateway.connect();
  f.gateway.ask(client, negotiate());
  CHECK(f.endpoint->requests_in_flight() == 1);
  f.gateway.loop.dispose(std::move(f.gateway.sessions[0]));
  f.gateway.sessions.clear();
  f.gateway.turn();
  CHECK(f.gateway.sessions.empty());
  CHECK(f.endpoint->requests_in_flight() == 0);
  CHECK(f.server.connections[0].ended);
}

TEST_CASE("a worker's own negotiates pass unseen, for it mints tagged tokens itself", "[proxy][session]") {
  Gateway gateway(HandoverMode::kOff);
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  FakeUpstream process;
  process.script.answer = with_length("no JSON", "Content-Encoding: gzip\r\n");
  const Descriptor client = gateway.connect();
  gateway.ask(client, negotiate("Accept-Encoding: gzip\r\n"));
  REQUIRE(worker.links.sockets.size() == 1);
  process.adopt(std::move(worker.links.sockets[0]));
  for (int i = 0; i < 20; ++i) {
    process.turn();
    gateway.turn(1);
  }
  CHECK(body_of(read_available(client.get())) == "no JSON");
  CHECK_THAT(process.received(), contains("Accept-Encoding: gzip\r\n"));
}
