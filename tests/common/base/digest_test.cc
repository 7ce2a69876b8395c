#include "common/base/digest.h"

#include <string>

#include "tests/support/catch.h"

using namespace hubgate;

namespace {
std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}
}  // namespace

TEST_CASE("digests are those of FIPS 180 and RFC 4231", "[base]") {
  CHECK(hex(sha1({as_bytes("a"), as_bytes("bc")})) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex(sha256({as_bytes("abc")})) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(hmac_sha256(as_bytes("Jefe"), {as_bytes("what do ya want "), as_bytes("for nothing?")})) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string long_key(131, '\xaa');
  CHECK(hex(hmac_sha256(as_bytes(long_key), {as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")})) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("comparison in constant time tells equal from different", "[base]") {
  CHECK(equals_in_constant_time(as_bytes("abc"), as_bytes("abc")));
  CHECK_FALSE(equals_in_constant_time(as_bytes("abc"), as_bytes("abd")));
  CHECK_FALSE(equals_in_constant_time(as_bytes("abc"), as_bytes("ab")));
}
