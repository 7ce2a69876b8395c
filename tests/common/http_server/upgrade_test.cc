#include "tests/common/http_server/server_fixture.h"
#include "tests/support/catch.h"

using namespace hubgate;
using test::ok;
using test::ServerFixture;

namespace {

const std::string kUpgrade =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Collector final : net::Connection::Handler {
  std::size_t on_data(MutableBytes input) override {
    received += as_text(input);
    return input.size();
  }
  void on_closed(net::CloseReason) override { closed = true; }
  std::string received;
  bool closed = false;
};

}  // namespace

TEST_CASE("an upgrade hands the connection out with the bytes behind the head", "[http_server]") {
  ServerFixture f;
  Collector next;
  std::unique_ptr<net::Connection> taken;
  f.handler.request = [&](http::RequestHead& head) {
    CHECK(head.upgrade == http::UpgradeOffer::kWebSocket);
    REQUIRE(f.connection->can_take_connection());
    taken = f.connection->take_connection();
    taken->set_handler(next);
    f.loop.dispose(std::move(f.connection));
  };
  f.send(kUpgrade + "early");
  REQUIRE(taken);
  CHECK(next.received == "early");
  f.send(" late");
  CHECK(next.received == "early late");
  taken->write("answer");
  f.turn();
  CHECK(f.received() == "answer");
  CHECK(f.handler.closings == 0);
  f.pair.b.reset();
  f.turn();
  CHECK(next.closed);
}

TEST_CASE("an upgrade may be given away as a socket with its unread bytes", "[http_server]") {
  ServerFixture f;
  net::Connection::Released released;
  f.handler.request = [&](http::RequestHead&) { released = f.connection->take_connection()->release(); };
  f.send(kUpgrade + "early");
  CHECK(released.socket.is_open());
  CHECK(as_text(released.unread) == "early");
}

TEST_CASE("an upgrade may be taken after earlier exchanges, and later than its request came", "[http_server]") {
  ServerFixture f;
  f.handler.request_end = [&] {
    if (f.handler.heads.size() == 1) f.connection->respond({}, "negotiated");
  };
  f.send("POST /chat/negotiate HTTP/1.1\r\nHost: h\r\n\r\n" + kUpgrade + "early");
  CHECK(f.received() == ok("negotiated"));
  REQUIRE(f.connection->can_take_connection());
  Collector next;
  const auto taken = f.connection->take_connection();
  taken->set_handler(next);
  f.turn();
  CHECK(next.received == "early");
}

TEST_CASE("any other answer to an upgrade drops the bytes behind it and closes", "[http_server]") {
  ServerFixture f;
  f.answer_with("no");
  f.send(kUpgrade + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(f.received() == ok("no", "Connection: close\r\n"));
  CHECK(f.handler.story == "GET /chat\nbody \nend\n");
  CHECK(f.is_client_at_end());
  f.advance(std::chrono::seconds(1));
  CHECK(f.handler.closed == http_server::EndReason::kFinished);
}

TEST_CASE("bytes behind a defective WebSocket offer are never read as a request", "[http_server]") {
  const std::string_view defect =
      GENERATE("Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n");
  ServerFixture f;
  f.answer_with("no");
  f.send("GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + std::string(defect) +
         "\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(f.received() == ok("no", "Connection: close\r\n"));
  CHECK(f.handler.story == "GET /chat\nbody \nend\n");
  CHECK(f.is_client_at_end());
}

TEST_CASE("a request without an upgrade offer does not give the connection away", "[http_server]") {
  ServerFixture f;
  f.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK_FALSE(f.connection->can_take_connection());
}

TEST_CASE("bytes that were read elsewhere come first", "[http_server]") {
  ServerFixture f;
  f.answer_with("x");
  f.connection->prepend_input(as_bytes("GET /first HTTP/1.1\r\nHost: h"));
  f.send("\r\n\r\n");
  CHECK(f.handler.story == "GET /first\nbody \nend\n");
  CHECK(f.received() == ok("x"));
}

TEST_CASE("what is to be taken over may be disposed of before it is shown", "[http_server]") {
  ServerFixture f;
  test::write_all(f.client(), kUpgrade);
  f.turn(1);
  f.loop.dispose(std::move(f.connection));
  f.turn();
  CHECK(f.handler.story.empty());
}
