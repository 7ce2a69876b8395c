#include "proxy/pool/idle_connections.h"
#include "tests/proxy/session/gateway.h"
#include "tests/support/bad_responses.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;
using namespace std::chrono_literals;

TEST_CASE("a request without a route gets 404, and the connection goes on", "[proxy][session]") {
  Gateway gateway;
  const Descriptor client = gateway.connect();
  CHECK(status_of(gateway.ask(client, get("/nothing"))) == "HTTP/1.1 404 Not Found");
  CHECK(status_of(gateway.ask(client, get("/nothing"))) == "HTTP/1.1 404 Not Found");
  CHECK(gateway.metrics.requests == 2);
}

TEST_CASE("the upstream sees exactly the normalised request", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1);
  const std::string answer = gateway.ask(
      get("/x/../app/%7euser?q=%7e", "X-Forwarded-For: forged\r\nConnection: X-Drop\r\nX-Drop: 1\r\nAccept: */*\r\n"));
  CHECK(status_of(answer) == "HTTP/1.1 200 OK");
  CHECK(body_of(answer) == "ok");
  const std::string seen = upstream.received();
  const std::string id = seen.substr(seen.find("X-Request-Id: ") + 14, 22);
  CHECK(seen ==
        "GET /app/~user?q=%7e HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.7\r\n"
        "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nX-Request-Id: " +
            id + "\r\n\r\n");
}

TEST_CASE("a malformed request never reaches an upstream", "[proxy][session]") {
  struct Row {
    std::string request;
    int status;
  };
  const Row row = GENERATE(values<Row>({
      {"GET /app HTTP/1.1\r\n\r\n", 400},
      {"GET /app HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /app HTTP/1.1\nHost: a\n\n", 400},
      {"GET  /app HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /app\\x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /app/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", 400},
      {"POST /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413},
      {"GET /app HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"TRACE /app HTTP/1.1\r\nHost: a\r\n\r\n", 405},
  }));
  CAPTURE(row.request);
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1);
  const std::string answer = gateway.ask(row.request);
  CHECK(status_of(answer).substr(9, 3) == std::to_string(row.status));
  CHECK(upstream.received().empty());
  CHECK_THAT(answer, contains("Connection: close\r\n"));
}

TEST_CASE("requests of several clients go over one connection in turn", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  Endpoint& endpoint = gateway.add_upstream(upstream, 1);
  CHECK(body_of(gateway.ask(get("/app"))) == "ok");
  CHECK(endpoint.idle().size() == 1);
  CHECK(body_of(gateway.ask(post("/app", "data"))) == "ok");
  CHECK(upstream.connections.size() == 1);
  CHECK(endpoint.requests_in_flight() == 0);
  gateway.advance(31s);
  CHECK(endpoint.idle().size() == 0);
}

TEST_CASE("an answer passes in each framing, however it is cut", "[proxy][session]") {
  struct Row {
    std::string answer;
    std::string body;
  };
  const Row row = GENERATE(values<Row>({
      {kOk, "ok"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
  }));
  const auto piece = GENERATE(std::size_t{1000}, std::size_t{7});
  CAPTURE(piece, row.answer);
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script = {.answer = row.answer, .piece = piece};
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  write_all(client.get(), get("/app"));
  gateway.turn(40);
  const std::string body = body_of(read_available(client.get()));
  if (piece == 1000) CHECK(body == row.body);
  // Pieces may become chunks of their own; what they hold together is the same.
  CHECK((body.empty() == row.body.empty()));
  write_all(client.get(), get("/app"));
  gateway.turn(40);
  CHECK(read_available(client.get()).substr(0, 12) == row.answer.substr(0, 12));
}

TEST_CASE("an answer that ends with its connection becomes chunks", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  const std::string answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
  upstream.script = {.answer = answer, .end_at = answer.size()};
  gateway.add_upstream(upstream, 1);
  CHECK(body_of(gateway.ask(get("/app"))) == "d\r\nuntil the end\r\n0\r\n\r\n");
}

TEST_CASE("HEAD gets the head alone, and the connection goes on", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  const std::string answer = gateway.ask(client, "HEAD /app HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_THAT(answer, contains("Content-Length: 2\r\n"));
  CHECK(body_of(answer).empty());
  CHECK(status_of(gateway.ask(client, "HEAD /app HTTP/1.1\r\nHost: a\r\n\r\n")) == "HTTP/1.1 200 OK");
  CHECK(status_of(gateway.ask(client, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")) == "HTTP/1.1 204 No Content");
}

TEST_CASE("an answer that breaks off is seen as broken by the client", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
  upstream.script = {.answer = head + std::string(100, 'x'), .reset_at = head.size() + 10};
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  const std::string answer = gateway.ask(client, get("/app"));
  CHECK(body_of(answer).size() <= 10);
  char byte;
  CHECK(::recv(client.get(), &byte, 1, MSG_DONTWAIT) <= 0);
  CHECK(gateway.sessions.empty());
}

TEST_CASE("an answer that could be understood in two ways becomes 502, and its connection is not used again",
          "[proxy][session]") {
  const auto piece = GENERATE(SIZE_MAX, std::size_t{1});
  for (const BadResponse& row : bad_responses()) {
    CAPTURE(row.stream, piece);
    Gateway gateway;
    FakeUpstream upstream;
    upstream.script = {.answer = row.stream, .piece = piece};
    Endpoint& endpoint = gateway.add_upstream(upstream, 1);
    const Descriptor client = gateway.connect();
    write_all(client.get(), get("/app"));
    std::string answer;
    for (int i = 0; i < 100 && answer.find(" 502 ") == std::string::npos; ++i) {
      gateway.turn();
      answer += read_available(client.get());
    }
    gateway.turn();
    // Interim answers are passed on until there are too many.
    CHECK(answer.find("HTTP/1.1 200") == std::string::npos);
    CHECK_THAT(answer, contains("HTTP/1.1 502 Bad Gateway\r\n"));
    CHECK(endpoint.idle().size() == 0);
    REQUIRE(upstream.connections.size() == 1);
    CHECK(upstream.connections[0].ended);
    CHECK(endpoint.counters.response_failures == 1);
  }
}

TEST_CASE("bytes behind a complete answer end its connection, and are nobody's answer", "[proxy][session]") {
  const std::string more = GENERATE("x", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
  const bool at_once = GENERATE(true, false);
  CAPTURE(more, at_once);
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = at_once ? kOk + more : kOk;
  Endpoint& endpoint = gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  CHECK(body_of(gateway.ask(client, get("/app"))) == "ok");
  if (!at_once) upstream.connections[0].unsent += more;
  gateway.turn();
  CHECK(endpoint.idle().size() == 0);
  CHECK(upstream.connections[0].ended);
  CHECK(body_of(gateway.ask(client, get("/app"))) == "ok");
  CHECK(upstream.connections.size() == 2);
}

TEST_CASE("a bad response becomes 502, silence 504", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer =
      GENERATE("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx", "HTTP/1.1 abc\r\n\r\n",
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "");
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  std::string answer = gateway.ask(client, get("/app"));
  if (!upstream.script.answer.empty()) {
    CHECK(status_of(answer) == "HTTP/1.1 502 Bad Gateway");
    return;
  }
  gateway.advance(29s);
  CHECK(read_available(client.get()).empty());
  gateway.advance(2s);
  CHECK(status_of(read_available(client.get())) == "HTTP/1.1 504 Gateway Timeout");
}

TEST_CASE("a body is asked for only when an endpoint is there, and passes whole", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script = {.answer = kOk, .body = 5};
  const Descriptor client = gateway.connect();
  const std::string head = "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  CHECK(gateway.ask(client, head).empty());
  gateway.add_upstream(upstream, 1);
  gateway.turn();
  CHECK(read_available(client.get()) == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(body_of(gateway.ask(client, "hello")) == "ok");
  CHECK_THAT(upstream.received(), contains("\r\n\r\nhello"));
  CHECK_THAT(upstream.received(), !contains("Expect"));
}

TEST_CASE("a chunked body passes as chunks of our own", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script = {.answer = kOk, .body = 5 + 5 + 5};
  gateway.add_upstream(upstream, 1);
  const std::string answer = gateway.ask(
      "POST /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nhe\r\n3\r\nllo\r\n0\r\nX: "
      "y\r\n\r\n");
  CHECK(body_of(answer) == "ok");
  CHECK_THAT(upstream.received(), contains("\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"));
}

TEST_CASE("an upstream that reads slowly holds the client back", "[proxy][session]") {
  Gateway gateway;
  gateway.config.limits.body_size = 64 * 1024 * 1024;
  gateway.put_in_force();
  FakeUpstream upstream;
  upstream.script = {.answer = kOk, .body = 8 * 1024 * 1024, .reads = false};
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  const std::string body(8 * 1024 * 1024, 'b');
  write_all(client.get(),
            "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  std::size_t sent = 0;
  const auto push = [&] {
    while (sent < body.size()) {
      const ssize_t count = ::send(client.get(), body.data() + sent, body.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
  };
  for (int i = 0; i < 200; ++i) {
    push();
    gateway.turn(2);
  }
  const std::size_t held = sent;
  CHECK(held < body.size());  // what the kernel holds and our mark, not the whole
  push();
  gateway.turn(4);
  CHECK(sent == held);
  upstream.connections[0].script.reads = true;
  for (int i = 0; i < 2000 && upstream.received().size() < body.size(); ++i) {
    push();
    gateway.turn(2);
  }
  gateway.turn();
  CHECK(body_of(read_available(client.get())) == "ok");
}

TEST_CASE("a client that reads slowly holds the upstream back, and gets everything", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  const std::size_t size = 16 * 1024 * 1024;
  upstream.script.answer =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'r');
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  write_all(client.get(), get("/app"));
  gateway.turn(500);
  const std::size_t held = upstream.connections[0].sent;
  CHECK(held < size);
  gateway.turn(20);
  CHECK(upstream.connections[0].sent == held);
  std::string answer;
  for (int i = 0; i < 20000 && answer.size() < size; ++i) {
    answer += read_available(client.get());
    gateway.turn(1);
  }
  CHECK(body_of(answer).size() == size);
}

TEST_CASE("files of a folder route are answered with type, tag and care", "[proxy][session]") {
  TemporaryFolder folder;
  folder.write("index.html", "<p>hi");
  folder.write("big.bin", std::string(3 * 1024 * 1024, 'f'));
  Gateway gateway;
  gateway.config.routes.push_back({.prefix = "/", .pool = {}, .folder = folder.path(), .listeners = {}});
  gateway.put_in_force();
  const Descriptor client = gateway.connect();
  const std::string answer = gateway.ask(client, get("/"));
  CHECK(status_of(answer) == "HTTP/1.1 200 OK");
  CHECK_THAT(answer, contains("Content-Type: text/html; charset=utf-8\r\n"));
  CHECK_THAT(answer, contains("X-Content-Type-Options: nosniff\r\n"));
  CHECK_THAT(answer, contains("Cache-Control: no-cache\r\n"));
  CHECK(body_of(answer) == "<p>hi");
  const std::size_t at = answer.find("ETag: ") + 6;
  const std::string etag = answer.substr(at, answer.find("\r\n", at) - at);
  const std::string known = gateway.ask(client, get("/", "If-None-Match: " + etag + "\r\n"));
  CHECK(status_of(known) == "HTTP/1.1 304 Not Modified");
  CHECK(body_of(known).empty());
  CHECK(body_of(gateway.ask(client, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")).empty());
  const std::string refused = gateway.ask(client, post("/", "x"));
  CHECK(status_of(refused) == "HTTP/1.1 405 Method Not Allowed");
  CHECK_THAT(refused, contains("Allow: GET, HEAD, OPTIONS\r\n"));
  CHECK(status_of(gateway.ask(client, get("/%2e%2e/etc/passwd"))) == "HTTP/1.1 404 Not Found");

  write_all(client.get(), get("/big.bin"));
  std::string big;
  for (int i = 0; i < 5000 && big.size() < 3 * 1024 * 1024; ++i) {
    gateway.turn(1);
    big += read_available(client.get());
  }
  CHECK(body_of(big) == std::string(3 * 1024 * 1024, 'f'));
}

TEST_CASE("a proxy that stops ends idle connections now and answers what is under way last", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  const Descriptor idle = gateway.connect();
  const Descriptor busy = gateway.connect();
  gateway.ask(busy, get("/app"));  // waits for an endpoint
  for (auto& session : gateway.sessions) session->close_soon(DownstreamSession::Closing::kAll);
  gateway.turn();
  CHECK(is_at_end(idle.get()));
  gateway.add_upstream(upstream, 1);
  gateway.turn();
  const std::string answer = read_available(busy.get());
  CHECK(status_of(answer) == "HTTP/1.1 200 OK");
  CHECK_THAT(answer, contains("Connection: close\r\n"));
}

TEST_CASE("a connection is silent until its first request, or its end", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  gateway.add_upstream(upstream, 1);
  const Descriptor first = gateway.connect();
  Descriptor second = gateway.connect();
  gateway.turn();
  CHECK(gateway.metrics.sessions_silent == 2);
  gateway.ask(first, get("/app"));
  gateway.ask(first, get("/app"));
  CHECK(gateway.metrics.sessions_silent == 1);
  second.reset();
  gateway.turn();
  CHECK(gateway.metrics.sessions_silent == 0);
}
