#include "common/websocket/frame_follower.h"

#include "common/websocket/close_code.h"
#include "tests/common/websocket/bytes_of.h"
#include "tests/support/catch.h"

namespace hubgate::websocket {
namespace {

using test::frame;
using test::joined;
using test::Stream;

TEST_CASE("frames that pass by are counted wherever the stream is cut", "[websocket]") {
  const Role sender = GENERATE(Role::kServer, Role::kClient);
  const Stream stream =
      joined({frame(sender, Opcode::kText, "abc"), frame(sender, Opcode::kBinary, std::string(300, 'x')),
              frame(sender, Opcode::kPing, ""), frame(sender, Opcode::kClose, "\x0F\xA0why")});
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameFollower follower(sender);
    follower.follow(Bytes(stream).first(cut));
    follower.follow(Bytes(stream).subspan(cut));
    REQUIRE(follower.frames() == 4);
    REQUIRE(follower.close_code() == 4000);
    REQUIRE(follower.is_at_edge());
  }
}

TEST_CASE("a follower is at an edge only between frames", "[websocket]") {
  const Stream stream = frame(Role::kClient, Opcode::kText, "abc");
  FrameFollower follower(Role::kClient);
  for (std::size_t i = 0; i < stream.size(); ++i) {
    CHECK(follower.is_at_edge() == (i == 0));
    follower.follow(Bytes(stream).subspan(i, 1));
  }
  CHECK(follower.is_at_edge());
  CHECK(follower.close_code() == close_code::kNone);
}

TEST_CASE("a close frame without a code is seen as 1005", "[websocket]") {
  FrameFollower follower(Role::kServer);
  follower.follow(frame(Role::kServer, Opcode::kClose, ""));
  CHECK(follower.close_code() == close_code::kNoStatus);
}

TEST_CASE("bytes that are no frames end the watching", "[websocket]") {
  FrameFollower follower(Role::kClient);
  follower.follow(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  CHECK(follower.is_lost());
  CHECK_FALSE(follower.is_at_edge());
  CHECK(follower.frames() == 0);
}

}  // namespace
}  // namespace hubgate::websocket
