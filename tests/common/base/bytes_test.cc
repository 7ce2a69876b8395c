#include "common/base/bytes.h"

#include "tests/support/catch.h"

using namespace hubgate;

TEST_CASE("copies of a payload share its bytes", "[base]") {
  const Payload first(as_bytes("head"), as_bytes("tail"));
  Payload second = first;
  CHECK(second.text() == "headtail");
  CHECK(second.shares_with(first));
  second = Payload("other");
  CHECK(first.text() == "headtail");
  CHECK_FALSE(second.shares_with(first));
}

TEST_CASE("an empty payload owns nothing", "[base]") {
  CHECK(Payload().empty());
  CHECK(Payload(Bytes{}).size() == 0);
  CHECK(Payload(std::string_view()).text().empty());
}
