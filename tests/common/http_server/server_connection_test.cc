#include "common/http_server/server_connection.h"

#include "tests/common/http_server/server_fixture.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace std::chrono_literals;
using http_server::EndReason;
using test::ok;
using test::ServerFixture;

namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
std::string post(std::string_view fields, std::string_view body) {
  return "POST /p HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
http::ResponseHead head_of(int status, http::BodyFraming body) {
  http::ResponseHead head;
  head.status = status;
  head.body = body;
  return head;
}

}  // namespace

TEST_CASE("requests are answered in turn on one connection", "[http_server]") {
  ServerFixture f;
  f.answer_with("hello");
  f.send(kGet);
  CHECK(f.received() == ok("hello"));
  f.send(post("Content-Length: 3\r\n", "abc"));
  CHECK(f.received() == ok("hello"));
  CHECK(f.handler.story == "GET /a\nbody \nend\nPOST /p\nbody abc\nend\n");
  CHECK(f.connection->requests() == 2);
  CHECK_FALSE(f.handler.closed);
}

TEST_CASE("requests come out the same byte by byte", "[http_server]") {
  ServerFixture f;
  f.answer_with("x");
  for (const char c :
       kGet + post("Transfer-Encoding: chunked\r\n", "3;a\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n") + kGet) {
    f.send(std::string_view(&c, 1));
  }
  CHECK(f.received() == ok("x") + ok("x") + ok("x"));
  CHECK(f.handler.story == "GET /a\nbody \nend\nPOST /p\nbody abcd\nend\nGET /a\nbody \nend\n");
}

TEST_CASE("a pipelined request is looked at only when the answer before it has left", "[http_server]") {
  ServerFixture f;
  f.send(kGet + kGet + kGet);
  CHECK(f.handler.story == "GET /a\nbody \nend\n");
  f.connection->respond({}, "1");
  CHECK(f.handler.heads.size() == 1);
  f.turn();
  CHECK(f.received() == ok("1"));
  CHECK(f.handler.heads.size() == 2);
  f.answer_with("3");
  f.connection->respond({}, "2");
  f.turn(12);
  CHECK(f.received() == ok("2") + ok("3"));
}

TEST_CASE("the answer may come before the request is complete", "[http_server]") {
  ServerFixture f;
  f.handler.request = [&](http::RequestHead&) { f.connection->respond({}, "early"); };
  SECTION("the rest of a short body is thrown away and the connection goes on") {
    f.send(post("Content-Length: 10\r\n", "12345"));
    CHECK(f.received() == ok("early"));
    f.send("67890" + kGet);
    CHECK(f.received() == ok("early"));
    CHECK(f.handler.story == "POST /p\nGET /a\n");
    CHECK_FALSE(f.handler.closed);
  }
  SECTION("a long one ends the connection") {
    f.handler.own_body_limit = 1'000'000;
    f.send(post("Content-Length: 100000\r\n", "12345"));
    CHECK(f.received() == ok("early", "Connection: close\r\n"));
    CHECK(f.is_client_at_end());
    f.send("67890");
    f.end_client();
    f.turn();
    CHECK(f.handler.closed == EndReason::kFinished);
  }
  SECTION("chunks are thrown away up to a limit") {
    f.send(post("Transfer-Encoding: chunked\r\n", ""));
    CHECK(f.received() == ok("early"));
    const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
    for (int i = 0; i < 5; ++i) f.send(chunk);
    CHECK(f.is_client_at_end());
  }
}

TEST_CASE("an answer is streamed with the framing of its head", "[http_server]") {
  ServerFixture f;
  const auto answer = [&](http::BodyFraming framing) {
    f.connection->start_response(head_of(200, framing));
    CHECK(f.connection->write_body(as_bytes("ab")));
    CHECK(f.connection->write_body(Payload("c")));
    CHECK(f.connection->write_body(Payload()));
    f.connection->end_response();
    f.turn();
    return f.received();
  };
  SECTION("length") {
    f.send(kGet);
    CHECK(answer(http::BodyFraming::of_length(3)) == ok("abc"));
  }
  SECTION("chunks") {
    f.send(kGet);
    CHECK(answer(http::BodyFraming::chunked()) ==
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
  }
  SECTION("until close") {
    f.send(kGet);
    CHECK(answer(http::BodyFraming::until_close()) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
    CHECK(f.is_client_at_end());
  }
  SECTION("chunks to HTTP/1.0 become until close") {
    f.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(answer(http::BodyFraming::chunked()) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
  }
  SECTION("a length to HTTP/1.0 keeps the connection when that was asked for") {
    f.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(answer(http::BodyFraming::of_length(3)) == ok("abc", "Connection: keep-alive\r\n"));
    CHECK_FALSE(f.is_client_at_end());
  }
  SECTION("HEAD gets the head alone") {
    f.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(answer(http::BodyFraming::of_length(3)) == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
    f.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(answer(http::BodyFraming::chunked()) == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
}

TEST_CASE("a connection closes after the answer when either side wants it", "[http_server]") {
  const std::string why = GENERATE("client", "http10", "handler", "count", "age", "drain");
  const bool client_closes = GENERATE(true, false);
  CAPTURE(why, client_closes);
  ServerFixture f;
  f.answer_with("x");
  std::string request = kGet;
  if (why == "client") request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  if (why == "http10") request = "GET / HTTP/1.0\r\n\r\n";
  if (why == "handler") {
    f.handler.request_end = [&] {
      http::ResponseHead head;
      head.keep_alive = false;
      f.connection->respond(head, "x");
    };
  }
  if (why == "count") f.handler.shared_limits->max_requests = 1;
  if (why == "age") f.handler.shared_limits->max_age = 0s;
  if (why == "drain") f.handler.request = [&](http::RequestHead&) { f.connection->drain(); };
  f.send(request);
  CHECK(f.received() == ok("x", "Connection: close\r\n"));
  CHECK(f.is_client_at_end());
  CHECK_FALSE(f.handler.closed);
  if (client_closes) {
    f.pair.b.reset();
    f.turn();
  } else {
    f.advance(1s);
  }
  CHECK(f.handler.closed == EndReason::kFinished);
  CHECK(f.handler.closings == 1);
}

TEST_CASE("limits that are changed count for the next request", "[http_server]") {
  ServerFixture f;
  f.answer_with("x");
  f.send(kGet);
  CHECK(f.received() == ok("x"));
  auto limits = std::make_shared<http_server::ServerLimits>();
  limits->reader.field = 20;
  f.handler.shared_limits = limits;
  f.send("GET / HTTP/1.1\r\nHost: h\r\nX-Longer-Than-That: yes\r\n\r\n");
  CHECK_THAT(f.received(), test::contains("HTTP/1.1 431 "));
}

TEST_CASE("a body waits while the handler takes nothing", "[http_server]") {
  ServerFixture f;
  f.answer_with("x");
  f.handler.appetite = 3;
  f.send(post("Content-Length: 10\r\n", "12345"));
  CHECK(f.handler.body == "123");
  f.send("67890");
  CHECK(f.handler.body == "123");
  f.handler.appetite = SIZE_MAX;
  f.connection->resume_body();
  f.turn();
  CHECK(f.handler.story == "POST /p\nbody 1234567890\nend\n");
  CHECK(f.received() == ok("x"));
}

TEST_CASE("a writer is told when to pause and when there is room again", "[http_server]") {
  ServerFixture f;
  f.send(kGet);
  f.connection->start_response(head_of(200, http::BodyFraming::chunked()));
  const std::string block(16 * 1024, 'x');
  std::size_t written = 0;
  while (f.connection->write_body(as_bytes(block))) written += block.size();
  written += block.size();
  CHECK(written >= 64 * 1024);
  SECTION("when the socket took it all at once") {
    f.turn();
    CHECK(f.handler.drained == 1);
  }
  SECTION("when the client has to read first") {
    while (written < 2'000'000) {
      f.connection->write_body(as_bytes(block));
      written += block.size();
    }
    f.turn();
    CHECK(f.handler.drained == 0);
    for (int i = 0; i < 1000 && f.handler.drained == 0; ++i) {
      f.received();
      f.turn(1);
    }
    CHECK(f.handler.drained == 1);
    CHECK(f.connection->unsent() == 0);
  }
}

TEST_CASE("100 Continue goes out when the handler says so, once and only if it is waited for", "[http_server]") {
  ServerFixture f;
  f.answer_with("x");
  f.handler.request = [&](http::RequestHead&) {
    f.connection->send_continue();
    f.connection->send_continue();
  };
  f.send(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""));
  CHECK(f.received() == "HTTP/1.1 100 Continue\r\n\r\n");
  f.send("ab");
  CHECK(f.received() == ok("x"));
  f.send(post("Content-Length: 2\r\n", "ab"));
  CHECK(f.received() == ok("x"));
}

TEST_CASE("no 100 Continue once body bytes have come", "[http_server]") {
  ServerFixture f;
  f.handler.body_came = [&] { f.connection->send_continue(); };
  f.send(post("Expect: 100-continue\r\nContent-Length: 2\r\n", "a"));
  CHECK(f.received().empty());
}

TEST_CASE("a final answer instead of 100 Continue closes the connection", "[http_server]") {
  ServerFixture f;
  f.handler.request = [&](http::RequestHead&) { f.connection->respond(head_of(404, {}), "no"); };
  f.send(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""));
  CHECK(f.received() == "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  CHECK(f.is_client_at_end());
}

TEST_CASE("interim answers go to HTTP/1.1 only", "[http_server]") {
  ServerFixture f;
  http::ResponseHead hints = head_of(103, {});
  hints.headers.add("Link", "a");
  f.send(kGet);
  f.connection->send_interim(hints);
  f.connection->respond({}, "x");
  f.turn();
  CHECK(f.received() == "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok("x"));
  f.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  f.connection->send_interim(hints);
  f.turn();
  CHECK(f.received().empty());
}

TEST_CASE("a client that ends its side is heard of", "[http_server]") {
  ServerFixture f;
  SECTION("between requests it is the end") {
    f.end_client();
    f.turn();
    CHECK(f.handler.closed == EndReason::kPeerEnded);
  }
  SECTION("within a head it is the end") {
    f.send("GET / HT");
    f.end_client();
    f.turn();
    CHECK(f.handler.closed == EndReason::kPeerEnded);
    CHECK(f.handler.story.empty());
  }
  SECTION("within a body it is the end") {
    f.send(post("Content-Length: 2\r\n", "a"));
    f.end_client();
    f.turn();
    CHECK(f.handler.closed == EndReason::kPeerEnded);
  }
  SECTION("before a held answer it is the end") {
    f.send(kGet);
    f.end_client();
    f.turn();
    CHECK(f.handler.closed == EndReason::kPeerEnded);
  }
  SECTION("a quick answer may still be given") {
    f.handler.finishes_half_closed = true;
    f.send(kGet);
    f.end_client();
    f.turn();
    CHECK_FALSE(f.handler.closed);
    f.connection->respond({}, "x");
    f.turn();
    CHECK(f.received() == ok("x", "Connection: close\r\n"));
    CHECK(f.is_client_at_end());
    CHECK(f.handler.closed == EndReason::kFinished);
  }
  CHECK(f.handler.closings == 1);
}

TEST_CASE("an owner may dispose of the connection in any call", "[http_server]") {
  ServerFixture f;
  const auto dispose = [&] { f.loop.dispose(std::move(f.connection)); };
  SECTION("on_request") {
    f.handler.request = [&](http::RequestHead&) { dispose(); };
  }
  SECTION("on_body") { f.handler.body_came = dispose; }
  SECTION("on_request_end") { f.handler.request_end = dispose; }
  SECTION("on_rejected") { f.handler.rejected = dispose; }
  f.send(post("Content-Length: 2\r\n", "ab") + "bad\r\n\r\n");
  if (f.connection) {
    f.connection->respond({}, "x");
    f.turn();
  }
  CHECK_FALSE(f.connection);
  CHECK_FALSE(f.handler.closed);
}

TEST_CASE("draining closes an idle connection and leaves a busy one its answer", "[http_server]") {
  ServerFixture f;
  SECTION("idle") {
    f.connection->drain();
    CHECK_FALSE(f.handler.closed);
    f.turn();
    CHECK(f.handler.closed == EndReason::kFinished);
    CHECK(f.is_client_at_end());
  }
  SECTION("a head is coming") {
    f.answer_with("x");
    f.send("GET / HTTP/1.1\r\n");
    f.connection->drain();
    f.send("Host: h\r\n\r\n");
    CHECK(f.received() == ok("x", "Connection: close\r\n"));
  }
}

TEST_CASE("an aborted answer does not look complete", "[http_server]") {
  ServerFixture f;
  f.send(kGet);
  f.connection->start_response(head_of(200, http::BodyFraming::chunked()));
  f.connection->write_body(as_bytes("abc"));
  f.turn();
  f.connection->abort();
  f.turn();
  CHECK(f.received() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  CHECK(f.handler.closings == 0);
}
