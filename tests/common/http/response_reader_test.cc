#include "common/http/http1_reader.h"
#include "tests/common/http/read_stream.h"
#include "tests/support/bad_responses.h"
#include "tests/support/catch.h"

namespace hubgate::http {

using test::response_of;

TEST_CASE("responses come out the same however the stream is cut", "[http][reader]") {
  CHECK(response_of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == "200 OK\nContent-Length=2\nbody hi\nend\n");
  CHECK(response_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n") ==
        "200 OK\nTransfer-Encoding=chunked\nbody hi\nend\n");
  CHECK(response_of("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") == "404 Not Found\nContent-Length=0\nend\n");
  CHECK(response_of("HTTP/1.1 204\r\n\r\n") == "204 \nend\n");
  CHECK(response_of("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n") == "304 \nContent-Length=5\nend\n");
  CHECK(response_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true) == "200 OK\nContent-Length=5\nend\n");
  CHECK(response_of("HTTP/1.1 200 OK\r\n\r\nuntil close") == "200 OK\nbody until close\n");
}

TEST_CASE("interim responses come before the final one", "[http][reader]") {
  CHECK(response_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") ==
        "100 Continue\n103 Early Hints\nLink=a\n200 OK\nContent-Length=1\nbody x\nend\n");
}

TEST_CASE("nothing of what follows a 101 is read", "[http][reader]") {
  const ReaderLimits limits;
  ResponseReader reader(limits);
  reader.expect(false, limits);
  test::StreamReading reading(reader);
  reading.feed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01x");
  CHECK(reading.story() == "101 Switching Protocols\nUpgrade=websocket\nend\n");
  CHECK(reading.untaken() == "\x81\x01x");
}

TEST_CASE("only a body without framing may end with the stream", "[http][reader]") {
  const ReaderLimits limits;
  const auto end_after = [&](std::string_view stream) {
    ResponseReader reader(limits);
    reader.expect(false, limits);
    test::StreamReading reading(reader);
    reading.feed(stream);
    return reader.end_of_input().event;
  };
  CHECK(end_after("HTTP/1.1 200 OK\r\n\r\nall") == ReadEvent::kEnd);
  CHECK(end_after("HTTP/1.0 200 OK\r\n\r\n") == ReadEvent::kEnd);
  CHECK(end_after("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nal") == ReadEvent::kRejected);
  CHECK(end_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n") == ReadEvent::kRejected);
  CHECK(end_after("HTTP/1.1 200 OK\r\nConte") == ReadEvent::kRejected);
  CHECK(end_after("HTTP/1.1 100 Continue\r\n\r\n") == ReadEvent::kRejected);
  CHECK(end_after("") == ReadEvent::kRejected);
}

TEST_CASE("a response that could be understood in two ways is refused", "[http][reader]") {
  for (const test::BadResponse& row : test::bad_responses()) {
    CAPTURE(row.stream);
    CHECK_THAT(response_of(row.stream), test::contains("refused " + std::string(row.label) + "\n"));
  }
}

TEST_CASE("whether an upstream keeps the connection is read from version and Connection", "[http][reader]") {
  const ReaderLimits limits;
  const auto keeps = [&](std::string_view stream) {
    ResponseReader reader(limits);
    reader.expect(false, limits);
    test::StreamReading reading(reader);
    reading.feed(stream);
    REQUIRE(reading.heads.size() == 1);
    return reading.heads.front().keep_alive;
  };
  CHECK(keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  CHECK_FALSE(keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  CHECK(keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
}

}  // namespace hubgate::http
