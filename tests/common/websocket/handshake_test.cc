#include "common/websocket/handshake.h"

#include "tests/support/catch.h"

namespace hubgate::websocket {

TEST_CASE("the accept key is the one of RFC 6455", "[websocket]") {
  CHECK(accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("a key is 16 bytes in base64", "[websocket]") {
  CHECK(is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
  CHECK_FALSE(is_valid_key(""));
  CHECK_FALSE(is_valid_key("dGhlIHNhbXBsZSBub25jZQ"));
  CHECK_FALSE(is_valid_key("dGhlIHNhbXBsZSBub25jZ==="));
  CHECK_FALSE(is_valid_key("dGhlIHNhbXBsZSBub2 jZQ=="));
  CHECK_FALSE(is_valid_key("dGhlIHNhbXBsZSBub25jZSE="));
  SeededRandom random(1);
  CHECK(is_valid_key(make_key(random)));
}

TEST_CASE("the answer to an upgrade is one head", "[websocket]") {
  CHECK(switching_protocols_head("dGhlIHNhbXBsZSBub25jZQ==") ==
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

}  // namespace hubgate::websocket
