#include "proxy/routing/affinity_tag.h"

#include <set>

#include "common/base/base64.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;

namespace {

AffinityKeys::Key key(std::uint8_t id) {
  AffinityKeys::Key made;
  made.id = id;
  made.secret.fill(std::byte{id});
  return made;
}

AffinityTable table() { return AffinityTable(AffinityKeys({key(1), key(2)}, "0123456789abcdef")); }

}  // namespace

TEST_CASE("a tag is 24 characters with the layout of the architecture", "[routing][affinity]") {
  const std::string tag = AffinityTag::make(key(7), {0x01020304, 0xa0b0c0d0});
  CHECK(tag.size() == AffinityTag::kLength);
  const auto bytes = base64url_decode(tag);
  REQUIRE(bytes.has_value());
  const std::vector<std::byte> head(bytes->begin(), bytes->begin() + 10);
  CHECK(as_text(head) == std::string_view("\x01\x07\x01\x02\x03\x04\xa0\xb0\xc0\xd0", 10));
  // HMAC-SHA256 of these ten bytes under 32 bytes of 7, its first eight.
  CHECK(tag == "AQcBAgMEoLDA0DKHnfznawhb");
}

TEST_CASE("a tag is believed with its own key only, and not when one bit differs", "[routing][affinity]") {
  const EndpointKey of{42, 1'700'000'000};
  const std::string tag = AffinityTag::make(key(1), of);
  EndpointKey read;
  REQUIRE(AffinityTag::verify(tag, key(1), read));
  CHECK(read == of);
  CHECK_FALSE(AffinityTag::verify(tag, key(2), read));
  AffinityKeys::Key same_id = key(9);
  same_id.id = 1;
  CHECK_FALSE(AffinityTag::verify(tag, same_id, read));
  CHECK_FALSE(AffinityTag::verify(tag.substr(1), key(1), read));
  CHECK_FALSE(AffinityTag::verify(tag + "A", key(1), read));
  auto bytes = *base64url_decode(tag);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1 << (bit % 8));
    bytes[bit / 8] ^= mask;
    CHECK_FALSE(AffinityTag::verify(base64url_encode(bytes), key(1), read));
    bytes[bit / 8] ^= mask;
  }
}

TEST_CASE("a living endpoint is found by its tag, whatever follows it", "[routing][affinity]") {
  AffinityTable living = table();
  const EndpointKey endpoint{5, 100};
  const std::string tag = living.add(endpoint);
  CHECK(tag == AffinityTag::make(key(1), endpoint));
  const auto verdict = living.find(tag + "abcdefghijklmnopqrstuv");
  CHECK(verdict.affinity == Affinity::kFound);
  CHECK(verdict.endpoint == endpoint);
  CHECK(living.find(tag).affinity == Affinity::kFound);
}

TEST_CASE("tags of the ring's second key are believed too", "[routing][affinity]") {
  AffinityTable living = table();
  living.add({5, 100});
  CHECK(living.find(AffinityTag::make(key(2), {5, 100}) + "x").affinity == Affinity::kFound);
}

TEST_CASE("two generations of a slot are two endpoints", "[routing][affinity]") {
  AffinityTable living = table();
  const std::string old_tag = living.add({5, 100});
  const std::string new_tag = living.add({5, 101});
  CHECK(living.find(old_tag).endpoint.generation == 100);
  CHECK(living.find(new_tag).endpoint.generation == 101);
  living.remove({5, 100});
  CHECK(living.find(old_tag).affinity == Affinity::kGone);
  CHECK(living.find(new_tag).affinity == Affinity::kFound);
}

TEST_CASE("what was never ours is unknown, nothing is none", "[routing][affinity]") {
  AffinityTable living = table();
  living.add({5, 100});
  CHECK(living.find("").affinity == Affinity::kNone);
  CHECK(living.find("short").affinity == Affinity::kUnknown);
  CHECK(living.find(std::string(46, 'A')).affinity == Affinity::kUnknown);
  CHECK(living.find(AffinityTag::make(key(3), {5, 100})).affinity == Affinity::kUnknown);
  CHECK(living.find(std::string_view("\0\xff%&", 4)).affinity == Affinity::kUnknown);
}

TEST_CASE("the id of a query is found without case, decoded once, exactly one", "[routing][affinity]") {
  AffinityTable living = table();
  const std::string token = living.add({5, 100}) + "abcdefghijklmnopqrstuv";
  const auto verdict = [&](std::string_view query) { return living.find_in_query(query).affinity; };
  CHECK(verdict("id=" + token) == Affinity::kFound);
  CHECK(verdict("access_token=x&ID=" + token) == Affinity::kFound);
  CHECK(verdict("Id=%"
                "41" +
                token.substr(1)) == Affinity::kFound);  // a tag begins with 'A'
  CHECK(verdict("") == Affinity::kNone);
  CHECK(verdict("x=1") == Affinity::kNone);
  CHECK(verdict("id=") == Affinity::kNone);
  CHECK(verdict("id") == Affinity::kNone);
  CHECK(verdict("id=" + token + "&id=" + token) == Affinity::kUnknown);
  CHECK(verdict("id=" + token + "&ID=") == Affinity::kUnknown);
  CHECK(verdict("id=%2541" + token.substr(1)) == Affinity::kUnknown);
  CHECK(verdict("id=%zz" + token) == Affinity::kUnknown);
  CHECK(verdict("hid=" + token) == Affinity::kNone);
}

TEST_CASE("endpoint ids follow node, pool and slot, those of remote endpoints only pool and name",
          "[routing][affinity]") {
  std::set<std::uint32_t> ids;
  for (const std::string_view node : {"0123456789abcdef", "fedcba9876543210"}) {
    for (const std::string_view pool : {"main", "web"}) {
      for (std::uint32_t slot = 0; slot < 20; ++slot) ids.insert(endpoint_id_of_slot(node, pool, slot));
    }
  }
  CHECK(ids.size() == 80);
  CHECK(endpoint_id_of_slot("n", "a", 1) == endpoint_id_of_slot("n", "a", 1));
  CHECK(endpoint_id_of_remote("web", "10.0.0.1:80") != endpoint_id_of_remote("main", "10.0.0.1:80"));
}
