#include "common/websocket/close_code.h"

#include "tests/common/websocket/bytes_of.h"
#include "tests/support/catch.h"

namespace hubgate::websocket {
namespace {

std::string read(std::initializer_list<int> payload) {
  const test::Stream bytes = test::bytes_of(payload);
  const ClosePayload close = read_close_payload(bytes);
  return (close.valid ? "close " : "error ") + std::to_string(close.code) + ":" + std::string(as_text(close.reason));
}

TEST_CASE("a close frame's payload is judged", "[websocket]") {
  CHECK(read({}) == "close 1005:");
  CHECK(read({0x03, 0xE8}) == "close 1000:");
  CHECK(read({0x0F, 0xA0, 'x'}) == "close 4000:x");
  CHECK(read({0x03}) == "error 1002:");
  CHECK(read({0x03, 0xED}) == "error 1002:");  // 1005
  CHECK(read({0x03, 0xE7}) == "error 1002:");  // 999
  CHECK(read({0x13, 0x88}) == "error 1002:");  // 5000
  CHECK(read({0x03, 0xE8, 0xFF}) == "error 1007:");
}

}  // namespace
}  // namespace hubgate::websocket
