#include "tests/common/http_server/server_fixture.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace std::chrono_literals;
using http_server::EndReason;
using test::ok;
using test::ServerFixture;

namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string refusal(std::string_view status, std::string_view phrase, std::string_view fields = "") {
  return "HTTP/1.1 " + std::string(status) + " " + std::string(phrase) + "\r\nContent-Type: text/plain\r\n" +
         std::string(fields) + "Content-Length: " + std::to_string(phrase.size() + 1) +
         "\r\nConnection: close\r\n\r\n" + std::string(phrase) + "\n";
}

}  // namespace

TEST_CASE("what is refused is answered, drained and closed", "[http_server]") {
  struct Row {
    std::string stream;
    const char* status;
    const char* phrase;
    const char* fields;
    const char* label;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\nHost: h\n\n", "400", "Bad Request", "", "bare_lf"},
      {"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "405", "Method Not Allowed",
       "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n", "method_not_allowed"},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n", "414", "URI Too Long", "", "target_too_long"},
      {"POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n", "417", "Expectation Failed", "", "expectation"},
      {"GET / HTTP/1.1\r\nX: " + std::string(9000, 'a'), "431", "Request Header Fields Too Large", "",
       "field_too_large"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501", "Not Implemented", "",
       "transfer_encoding"},
      {"GET / HTTP/3.0\r\n\r\n", "505", "HTTP Version Not Supported", "", "version"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n", "413", "Content Too Large", "",
       "body_too_large"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.label);
    ServerFixture f;
    f.send(row.stream + "and more that nobody reads");
    CHECK(f.received() == refusal(row.status, row.phrase, row.fields));
    CHECK(f.is_client_at_end());
    CHECK(f.handler.story == "rejected " + std::string(row.label) + " " + row.status + "\n");
    CHECK_FALSE(f.handler.closed);
    f.advance(1s);
    CHECK(f.handler.closed == EndReason::kRejected);
    CHECK(f.handler.closings == 1);
  }
}

TEST_CASE("draining after an error is limited in bytes", "[http_server]") {
  ServerFixture f;
  f.send("bad\r\n\r\n");
  const std::string block(16 * 1024, 'x');
  for (int i = 0; i < 4; ++i) f.send(block);
  CHECK_FALSE(f.handler.closed);
  f.send(block);
  CHECK(f.handler.closed == EndReason::kRejected);
}

TEST_CASE("a refused request on a used connection is answered in its turn", "[http_server]") {
  ServerFixture f;
  f.send(kGet + "bad\r\n\r\n");
  CHECK(f.handler.story == "GET /a\nbody \nend\n");
  f.connection->respond({}, "x");
  f.turn();
  CHECK(f.received() == ok("x") + refusal("400", "Bad Request"));
}

TEST_CASE("a body that turns out bad voids the exchange", "[http_server]") {
  ServerFixture f;
  const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  SECTION("before the answer it is answered") {
    f.send(head + "1\r\na\r\n");
    f.send("zz\r\n");
    CHECK(f.received() == refusal("400", "Bad Request"));
    CHECK(f.handler.story == "POST /p\nrejected chunk_size 400\n");
    f.connection->respond({}, "late");
    f.turn();
    CHECK(f.received().empty());
    f.advance(1s);
  }
  SECTION("too large likewise") {
    f.handler.own_body_limit = 4;
    f.send(head + "4\r\nabcd\r\n");
    CHECK(f.received().empty());
    f.send("1\r\ne\r\n0\r\n\r\n");
    CHECK(f.received() == refusal("413", "Content Too Large"));
    CHECK(f.handler.story == "POST /p\nrejected body_too_large 413\n");
    f.advance(1s);
  }
  SECTION("within the answer the connection is cut") {
    f.send(head);
    http::ResponseHead answer;
    answer.body = http::BodyFraming::chunked();
    f.connection->start_response(answer);
    f.send("zz\r\n");
    CHECK(f.handler.story == "POST /p\nrejected chunk_size 400\n");
  }
  CHECK(f.handler.closed == EndReason::kRejected);
  CHECK(f.handler.closings == 1);
}

TEST_CASE("a head must be complete in time, however it trickles", "[http_server]") {
  ServerFixture f;
  f.answer_with("x");
  SECTION("nothing came: closed in silence") {
    f.advance(10s);
    CHECK(f.handler.closed == EndReason::kIdle);
    CHECK(f.handler.story.empty());
    CHECK(f.is_client_at_end());
  }
  SECTION("something came: 408") {
    for (int i = 0; i < 9; ++i) {
      f.send("G");
      f.advance(1s);
    }
    CHECK(f.received().empty());
    f.advance(1s);
    CHECK(f.received() == refusal("408", "Request Timeout"));
    CHECK(f.handler.story == "rejected head_timeout 408\n");
  }
  SECTION("a later head has its own time") {
    f.send(kGet);
    f.received();
    f.advance(60s);
    f.send("GET");
    f.advance(9s);
    CHECK(f.received().empty());
    f.advance(1s);
    CHECK(f.received() == refusal("408", "Request Timeout"));
  }
}

TEST_CASE("an idle connection is closed after its time, and at its age", "[http_server]") {
  ServerFixture f;
  f.answer_with("x");
  f.send(kGet);
  SECTION("idle") {
    f.advance(64s);
    CHECK_FALSE(f.handler.closed);
    f.advance(1s);
  }
  SECTION("old") {
    f.handler.shared_limits->max_age = 30s;
    f.send(kGet);
    f.received();
    f.advance(30s);
  }
  CHECK(f.handler.closed == EndReason::kIdle);
}

TEST_CASE("a held answer has no deadline of the connection's", "[http_server]") {
  ServerFixture f;
  f.send(kGet);
  f.advance(10h);
  CHECK_FALSE(f.handler.closed);
}

TEST_CASE("a body that trickles is late, however often a byte comes", "[http_server]") {
  ServerFixture f;
  const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
  SECTION("a byte a second lasts as long as the grace") {
    f.send(head);
    for (int i = 0; i < 9; ++i) {
      f.advance(1s);
      f.send("x");
    }
    CHECK(f.received().empty());
    f.advance(1s);  // ten seconds, and nine bytes' worth of a fiftieth more
    f.advance(100ms);
    CHECK(f.received() == refusal("408", "Request Timeout"));
    CHECK(f.handler.story == "POST /p\nrejected body_timeout 408\n");
  }
  SECTION("at the rate it goes on") {
    f.send(head);
    for (int i = 0; i < 60; ++i) {
      f.advance(1s);
      f.send(std::string(500, 'x'));
    }
    CHECK(f.received().empty());
  }
  SECTION("what came fast is credit for a pause") {
    f.send(head + std::string(50'000, 'x'));
    f.advance(29s);
    f.send("x");
    CHECK(f.received().empty());
  }
  SECTION("the time that we made it wait does not count") {
    f.handler.appetite = 0;
    f.send(head + "x");
    f.advance(100s);
    f.handler.appetite = SIZE_MAX;
    f.connection->resume_body();
    f.turn();
    f.advance(9s);
    CHECK(f.received().empty());
    f.advance(2s);
    CHECK_FALSE(f.received().empty());
  }
  SECTION("after 100 Continue it begins anew") {
    f.send("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
    f.advance(100s);
    f.connection->send_continue();
    f.turn();
    CHECK(f.received() == "HTTP/1.1 100 Continue\r\n\r\n");
    f.advance(9s);
    f.send("x");
    CHECK(f.received().empty());
    f.advance(2s);
    CHECK_FALSE(f.received().empty());
  }
  SECTION("without a rate only pauses count") {
    f.handler.shared_limits->body_min_rate = 0;
    f.send(head);
    for (int i = 0; i < 20; ++i) {
      f.advance(29s);
      f.send("x");
    }
    CHECK(f.received().empty());
  }
}

TEST_CASE("a body may not stop for long", "[http_server]") {
  ServerFixture f;
  f.handler.shared_limits->body_min_rate = 0;
  const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n";
  SECTION("each read gives it new time") {
    f.send(head);
    for (int i = 0; i < 5; ++i) {
      f.advance(29s);
      f.send("x");
    }
    CHECK(f.received().empty());
    f.advance(30s);
    CHECK(f.received() == refusal("408", "Request Timeout"));
    CHECK(f.handler.story == "POST /p\nrejected body_timeout 408\n");
  }
  SECTION("a client that waits for us is not late") {
    f.handler.appetite = 0;
    f.send(head + "x");
    f.advance(100s);
    CHECK(f.received().empty());
  }
  SECTION("a client that waits for 100 is not late") {
    f.send("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    f.advance(100s);
    CHECK(f.received().empty());
  }
}

TEST_CASE("a client that reads nothing is cut", "[http_server]") {
  ServerFixture f;
  f.send(kGet);
  http::ResponseHead head;
  SECTION("within the answer") {
    head.body = http::BodyFraming::chunked();
    f.connection->start_response(head);
    f.connection->write_body(as_bytes(std::string(2'000'000, 'x')));
    f.turn();
    f.advance(29s);
    CHECK_FALSE(f.handler.closed);
    f.advance(31s);
  }
  SECTION("after an answer that keeps the connection") {
    f.connection->respond(head, std::string(2'000'000, 'x'));
    f.turn();
    f.advance(29s);
    CHECK_FALSE(f.handler.closed);
    f.advance(31s);
  }
  SECTION("after the last answer") {
    head.keep_alive = false;
    f.connection->respond(head, std::string(2'000'000, 'x'));
    f.turn();
    f.advance(29s);
    CHECK_FALSE(f.handler.closed);
    f.advance(2s);
  }
  CHECK(f.handler.closed == EndReason::kSlowReader);
}

TEST_CASE("a long last answer reaches a client that reads slowly", "[http_server]") {
  ServerFixture f;
  f.send(kGet);
  http::ResponseHead head;
  head.keep_alive = false;
  f.connection->respond(head, std::string(1'000'000, 'x'));
  std::size_t received = 0;
  char buffer[50'000];
  for (int i = 0; i < 200 && !f.is_client_at_end(); ++i) {
    f.advance(5s);
    const ssize_t count = ::recv(f.client(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count > 0) received += static_cast<std::size_t>(count);
    f.turn();
  }
  CHECK(received > 1'000'000);
}

TEST_CASE("a connection whose answer is still being read is not idle", "[http_server]") {
  ServerFixture f;
  f.send(kGet);
  const std::size_t size = 2'000'000;
  f.connection->respond({}, std::string(size, 'x'));
  std::size_t received = 0;
  char buffer[50'000];
  for (int i = 0; i < 200 && received < size; ++i) {
    f.advance(5s);  // in all much more than a connection may be idle
    const ssize_t count = ::recv(f.client(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count > 0) received += static_cast<std::size_t>(count);
    f.turn();
  }
  CHECK(received > size);
  CHECK_FALSE(f.handler.closed);
  f.advance(140s);
  CHECK(f.handler.closed == EndReason::kIdle);
}
