#include "common/websocket/mask.h"

#include <vector>

#include "tests/common/websocket/bytes_of.h"
#include "tests/support/catch.h"

namespace hubgate::websocket {

TEST_CASE("masking is the same in one piece, in two, and at any alignment", "[websocket]") {
  std::vector<std::byte> original(257);
  for (std::size_t i = 0; i < original.size(); ++i) original[i] = static_cast<std::byte>(i * 7);
  std::vector<std::byte> expected = original;
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] ^= test::kMask[i % 4];

  for (std::size_t cut = 0; cut <= original.size(); ++cut) {
    std::vector<std::byte> pieces = original;
    apply_mask(MutableBytes(pieces).first(cut), test::kMask);
    apply_mask(MutableBytes(pieces).subspan(cut), test::kMask, cut);
    REQUIRE(pieces == expected);
  }
}

}  // namespace hubgate::websocket
