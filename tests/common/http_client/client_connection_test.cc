#include "common/http_client/client_connection.h"

#include "tests/common/http_client/client_fixture.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace std::chrono_literals;
using test::ClientFixture;

namespace {

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const std::string kGot = "200\nbody hi\nend, reusable\n";

}  // namespace

TEST_CASE("exchanges follow each other on one connection", "[http_client]") {
  ClientFixture f;
  CHECK(f.send(f.get()) == "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK_FALSE(f.connection->is_idle());
  f.answer(kOk);
  CHECK(f.handler.story == kGot);
  CHECK(f.connection->is_idle());
  f.send(f.get());
  f.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  f.send(f.get());
  f.answer("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(f.handler.story == kGot + kGot + "204\nend, reusable\n");
  CHECK(f.connection->exchanges() == 3);
}

TEST_CASE("the next request may be sent from within the end of the last", "[http_client]") {
  ClientFixture f;
  f.handler.ended = [&] {
    if (f.connection->exchanges() == 1) f.connection->send(f.get("/second"));
  };
  f.send(f.get());
  f.answer(kOk);
  CHECK(f.received() == "GET /second HTTP/1.1\r\nHost: h\r\n\r\n");
  f.answer(kOk);
  CHECK(f.handler.story == kGot + kGot);
}

TEST_CASE("responses come out the same byte by byte", "[http_client]") {
  ClientFixture f;
  f.send(f.get());
  const std::string stream =
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nA: "
      "b\r\n\r\n";
  for (const char c : stream) f.answer(std::string_view(&c, 1));
  CHECK(f.handler.story == "interim 103\n" + kGot);
}

TEST_CASE("a request's body is streamed with the framing of its head", "[http_client]") {
  ClientFixture f;
  SECTION("length") {
    CHECK(f.send(f.post(http::BodyFraming::of_length(3))) ==
          "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
    f.connection->write_body(as_bytes("ab"));
    f.connection->write_body(Payload("c"));
    f.connection->end_request();
    f.turn();
    CHECK(f.received() == "abc");
  }
  SECTION("chunks") {
    f.send(f.post(http::BodyFraming::chunked()));
    f.connection->write_body(as_bytes("ab"));
    f.connection->write_body(as_bytes(""));
    f.connection->end_request();
    f.turn();
    CHECK(f.received() == "2\r\nab\r\n0\r\n\r\n");
  }
  f.answer(kOk);
  CHECK(f.handler.story == kGot);
}

TEST_CASE("a writer of a request is told when to pause and when there is room again", "[http_client]") {
  ClientFixture f;
  f.send(f.post(http::BodyFraming::chunked()));
  const std::string block(16 * 1024, 'x');
  for (int i = 0; i < 100; ++i) f.connection->write_body(as_bytes(block));
  CHECK_FALSE(f.connection->write_body(as_bytes("x")));
  f.turn();
  CHECK(f.handler.drained == 0);
  for (int i = 0; i < 1000 && f.handler.drained == 0; ++i) {
    f.received();
    f.turn(1);
  }
  CHECK(f.handler.drained == 1);
}

TEST_CASE("an answer waits while the handler takes nothing", "[http_client]") {
  ClientFixture f;
  f.handler.appetite = 1;
  f.send(f.get());
  f.answer(kOk);
  CHECK(f.handler.body == "h");
  f.advance(1h);  // the wait is ours: no deadline
  f.handler.appetite = SIZE_MAX;
  f.connection->resume_response();
  f.turn();
  CHECK(f.handler.story == kGot);
}

TEST_CASE("bytes behind a response end the connection", "[http_client]") {
  ClientFixture f;
  f.send(f.get());
  SECTION("together with it") {
    f.answer(kOk + "HTTP/1.1 200 OK\r\n");
    CHECK(f.handler.story == "200\nbody hi\nend\n");
    CHECK_FALSE(f.connection->is_open());
    CHECK(f.handler.endings == 0);
  }
  SECTION("later, while it is idle") {
    f.answer(kOk);
    f.answer("x");
    CHECK(f.handler.closed);
    CHECK(f.handler.endings == 1);
  }
}

TEST_CASE("a connection is not used again when either side says so", "[http_client]") {
  ClientFixture f;
  std::string answer = kOk;
  http::RequestHead head = f.get();
  SECTION("upstream says close") { answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"; }
  SECTION("HTTP/1.0") { answer = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"; }
  SECTION("we say close") { head.keep_alive = false; }
  SECTION("the request was not complete") { head = f.post(http::BodyFraming::of_length(5)); }
  f.send(head);
  f.answer(answer);
  CHECK(f.handler.story == "200\nbody hi\nend\n");
}

TEST_CASE("a body without framing is ended by the connection's end", "[http_client]") {
  ClientFixture f;
  f.send(f.get());
  f.answer("HTTP/1.1 200 OK\r\n\r\nall of");
  f.answer(" it");
  CHECK(f.handler.story == "200\n");
  f.end_upstream();
  CHECK(f.handler.story == "200\nbody all of it\nend\n");
  CHECK(f.handler.endings == 0);
}

TEST_CASE("an answer to HEAD has no body whatever it says", "[http_client]") {
  ClientFixture f;
  http::RequestHead head = f.get();
  head.method = "HEAD";
  f.send(head);
  f.answer("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n");
  CHECK(f.handler.story == "200\nend, reusable\n");
}

TEST_CASE("a failure says what a retry must know", "[http_client]") {
  ClientFixture f;
  SECTION("the peer was gone before a byte went out") {
    f.pair.b.reset();
    f.connection->send(f.get());
    f.turn();
    REQUIRE(f.handler.failure);
    CHECK(f.handler.failure->error.code == ErrorCode::kClosed);
    CHECK(f.handler.failure->error.side == Side::kUpstream);
    CHECK_FALSE(f.handler.failure->request_begun);
    CHECK_FALSE(f.handler.failure->response_begun);
  }
  SECTION("the request had gone out") {
    f.send(f.get());
    f.end_upstream();
    REQUIRE(f.handler.failure);
    CHECK(f.handler.failure->request_begun);
    CHECK_FALSE(f.handler.failure->body_begun);
    CHECK_FALSE(f.handler.failure->response_begun);
  }
  SECTION("bytes of the body had gone out") {
    f.send(f.post(http::BodyFraming::chunked()));
    f.connection->write_body(as_bytes("x"));
    f.turn();
    f.end_upstream();
    REQUIRE(f.handler.failure);
    CHECK(f.handler.failure->body_begun);
  }
  SECTION("a part of the head had come") {
    f.send(f.get());
    f.answer("HTT");
    f.end_upstream();
    REQUIRE(f.handler.failure);
    CHECK(f.handler.failure->error.code == ErrorCode::kClosed);
    CHECK(f.handler.failure->response_begun);
  }
  SECTION("a part of the body had come") {
    f.send(f.get());
    f.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    f.end_upstream();
    REQUIRE(f.handler.failure);
    CHECK(f.handler.failure->error.code == ErrorCode::kClosed);
  }
  SECTION("the second exchange counts for itself") {
    f.send(f.get());
    f.answer(kOk);
    f.pair.b.reset();
    f.connection->send(f.get());
    f.turn();
    REQUIRE(f.handler.failure);
    CHECK_FALSE(f.handler.failure->request_begun);
    CHECK_FALSE(f.handler.failure->response_begun);
  }
  CHECK(f.handler.endings == 1);
  CHECK_FALSE(f.connection->is_open());
}

TEST_CASE("a response that could be understood in two ways is a failure", "[http_client]") {
  const std::string answer = GENERATE(as<std::string>(), "HTTP/1.1 200 OK\n\n", "SSH-2.0\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
                                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  CAPTURE(answer);
  ClientFixture f;
  f.send(f.get());
  f.answer(answer);
  REQUIRE(f.handler.failure);
  CHECK(f.handler.failure->error.code == ErrorCode::kInvalid);
  CHECK_THAT(f.handler.failure->error.what, test::contains("bad response: "));
  CHECK(f.handler.endings == 1);
}

TEST_CASE("an upstream that closes an idle connection is heard of", "[http_client]") {
  ClientFixture f;
  f.send(f.get());
  f.answer(kOk);
  f.end_upstream();
  CHECK(f.handler.closed);
  CHECK_FALSE(f.handler.failure);
}

TEST_CASE("an upgrade hands the connection out with the bytes behind the head", "[http_client]") {
  struct Collector final : net::Connection::Handler {
    std::size_t on_data(MutableBytes input) override {
      received += as_text(input);
      return input.size();
    }
    void on_closed(net::CloseReason) override {}
    std::string received;
  };
  ClientFixture f;
  Collector next;
  std::unique_ptr<net::Connection> taken;
  f.handler.upgraded = [&] {
    taken = f.connection->take_connection();
    taken->set_handler(next);
    f.loop.dispose(std::move(f.connection));
  };
  http::RequestHead head = f.get();
  head.upgrade = http::UpgradeOffer::kWebSocket;
  CHECK(f.send(head) == "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  f.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\nframes");
  CHECK(f.handler.story == "upgraded a\n");
  CHECK(next.received == "frames");
  CHECK(f.handler.endings == 0);
}

TEST_CASE("an upgrade may be answered with an ordinary response", "[http_client]") {
  ClientFixture f;
  http::RequestHead head = f.get();
  head.upgrade = http::UpgradeOffer::kWebSocket;
  f.send(head);
  f.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  CHECK(f.handler.story == "404\nend, reusable\n");
}

TEST_CASE("an upstream has limited time", "[http_client]") {
  ClientFixture f;
  SECTION("for its head") {
    f.send(f.get());
    f.advance(29s);
    CHECK_FALSE(f.handler.failure);
    f.advance(1s);
  }
  SECTION("after interim responses too") {
    f.send(f.get());
    f.advance(20s);
    f.answer("HTTP/1.1 102 Processing\r\n\r\n");
    f.advance(10s);
  }
  SECTION("for each piece of its body") {
    f.send(f.get());
    f.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    f.advance(100s);
    f.answer("x");
    f.advance(100s);
    CHECK_FALSE(f.handler.failure);
    f.advance(20s);
  }
  SECTION("from the end of the request's body") {
    f.send(f.post(http::BodyFraming::of_length(1)));
    f.advance(1h);
    CHECK_FALSE(f.handler.failure);
    f.connection->write_body(as_bytes("x"));
    f.connection->end_request();
    f.advance(30s);
  }
  SECTION("to take the request's body") {
    f.send(f.post(http::BodyFraming::chunked()));
    f.connection->write_body(as_bytes(std::string(2'000'000, 'x')));
    f.turn();
    f.advance(60s);
  }
  REQUIRE(f.handler.failure);
  CHECK(f.handler.failure->error.code == ErrorCode::kTimeout);
}

TEST_CASE("an owner may dispose of the client connection in any call", "[http_client]") {
  ClientFixture f;
  const auto dispose = [&] { f.loop.dispose(std::move(f.connection)); };
  SECTION("on_response_head") {
    f.handler.head_came = [&](http::ResponseHead&) { dispose(); };
  }
  SECTION("on_response_body") { f.handler.body_came = dispose; }
  SECTION("on_response_end") { f.handler.ended = dispose; }
  f.send(f.get());
  f.answer(kOk + "surplus");
  CHECK_FALSE(f.connection);
  CHECK(f.handler.endings == 0);
}
