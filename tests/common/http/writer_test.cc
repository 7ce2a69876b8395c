#include "common/http/http1_writer.h"

#include "common/http/http1_reader.h"
#include "tests/common/http/read_stream.h"
#include "tests/support/catch.h"

namespace hubgate::http {
namespace {

std::string written(const RequestHead& head) {
  std::string out;
  append_request_head(out, head);
  return out;
}
std::string written(const ResponseHead& head, bool for_http10 = false) {
  std::string out;
  append_response_head(out, head, for_http10);
  return out;
}

}  // namespace

TEST_CASE("a request head is written with its own framing only", "[http][writer]") {
  RequestHead head;
  head.method = "POST";
  head.target = "/chat?x=1";
  head.headers = {{"Host", "h"},
                  {"Content-Length", "99"},
                  {"Transfer-Encoding", "gzip"},
                  {"Connection", "X-A"},
                  {"Keep-Alive", "5"},
                  {"Proxy-Connection", "close"},
                  {"Upgrade", "h2c"},
                  {"X-A", "b"}};
  head.body = BodyFraming::of_length(3);
  CHECK(written(head) == "POST /chat?x=1 HTTP/1.1\r\nHost: h\r\nX-A: b\r\nContent-Length: 3\r\n\r\n");
  head.body = BodyFraming::chunked();
  head.keep_alive = false;
  CHECK(written(head) ==
        "POST /chat?x=1 HTTP/1.1\r\nHost: h\r\nX-A: b\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  head.body = BodyFraming::none();
  head.method = "GET";
  head.upgrade = UpgradeOffer::kWebSocket;
  CHECK(written(head) ==
        "GET /chat?x=1 HTTP/1.1\r\nHost: h\r\nX-A: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST_CASE("a response head is written with its own framing only", "[http][writer]") {
  ResponseHead head;
  head.headers = {{"Content-Length", "9"}, {"Connection", "keep-alive"}, {"Upgrade", "h2"}, {"A", "b"}};
  CHECK(written(head) == "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n");
  CHECK(written(head, true) == "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  head.body = BodyFraming::until_close();
  CHECK(written(head) == "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n");
  head.body = BodyFraming::chunked();
  CHECK(written(head) == "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
  head.body = BodyFraming::of_length(7);
  head.status = 204;
  CHECK(written(head) == "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n");
  head.status = 304;
  CHECK(written(head) == "HTTP/1.1 304 Not Modified\r\nA: b\r\nContent-Length: 7\r\n\r\n");
  head.status = 103;
  CHECK(written(head) == "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n");
  head.status = 101;
  CHECK(written(head) == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2\r\nA: b\r\nConnection: Upgrade\r\n\r\n");
}

TEST_CASE("every request that parses means the same when it is written anew", "[http][writer]") {
  const std::string ws =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
      "dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::vector<std::string> streams = {
      "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET http://h/a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 12345\r\nX: \xff\tb\r\n\r\n",
      "PUT /a%20b?%zz HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\n" + ws + "\r\n",
  };
  const ReaderLimits limits;
  const auto read = [&](std::string_view stream) {
    RequestReader reader(limits);
    test::StreamReading reading(reader);
    reading.feed(stream);
    REQUIRE(reading.heads.size() == 1);
    return reading.heads.front();
  };
  for (const std::string& stream : streams) {
    CAPTURE(stream);
    const RequestHead first = read(stream);
    const std::string text = written(first);
    const RequestHead second = read(text);
    CHECK(second.method == first.method);
    CHECK(second.target == first.target);
    CHECK(second.body == first.body);
    CHECK(second.keep_alive == first.keep_alive);
    CHECK(second.upgrade == first.upgrade);
    CHECK(second.host() == first.host());
    CHECK(second.headers.get("X") == first.headers.get("X"));
    CHECK(written(second) == text);
  }
}

TEST_CASE("every response that parses means the same when it is written anew", "[http][writer]") {
  const std::vector<std::string> streams = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 Fine by me\r\nTransfer-Encoding: chunked\r\nA: b\r\nA: c\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\n\r\n",
      "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
  };
  const ReaderLimits limits;
  const auto read = [&](std::string_view stream) {
    ResponseReader reader(limits);
    reader.expect(true, limits);
    test::StreamReading reading(reader);
    reading.feed(stream);
    REQUIRE(reading.heads.size() == 1);
    return reading.heads.front();
  };
  for (const std::string& stream : streams) {
    CAPTURE(stream);
    const ResponseHead first = read(stream);
    const ResponseHead second = read(written(first));
    CHECK(second.status == first.status);
    CHECK(second.reason == first.reason);
    CHECK(second.body == first.body);
    // A body that only the end ends says close in so many words.
    CHECK(second.keep_alive == (first.keep_alive && first.body.kind != BodyKind::kUntilClose));
    CHECK(second.headers.count("A") == first.headers.count("A"));
  }
}

TEST_CASE("chunks are what the reader takes", "[http][writer]") {
  const std::string data(300, 'x');
  const Payload chunk = make_chunk(as_bytes(data));
  CHECK(chunk.text().substr(0, 5) == "12c\r\n");
  const std::string stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunk.text()) +
                             std::string(make_chunk(as_bytes("y")).text()) + std::string(kLastChunk);
  CHECK(test::response_of(stream) == "200 OK\nTransfer-Encoding=chunked\nbody " + data + "y\nend\n");
}

}  // namespace hubgate::http
