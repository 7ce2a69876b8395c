#include "common/base/base64.h"

#include "tests/support/catch.h"

using namespace hubgate;

TEST_CASE("base64 encodes RFC 4648's examples and reads them back", "[base]") {
  const std::pair<std::string, std::string> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : rows) {
    CAPTURE(plain);
    CHECK(base64_encode(as_bytes(plain)) == coded);
    const auto decoded = base64_decode(coded);
    REQUIRE(decoded.has_value());
    CHECK(as_text(*decoded) == plain);
  }
}

TEST_CASE("base64url uses no padding and no characters that a URL changes", "[base]") {
  const std::string plain = "\xff\xfe\xfd\xfc";
  const std::string coded = base64url_encode(as_bytes(plain));
  CHECK(coded == "__79_A");
  CHECK(as_text(*base64url_decode(coded)) == plain);
}

TEST_CASE("base64 refuses what does not have exactly one meaning", "[base]") {
  for (const char* bad : {"Zg", "Zg=", "Zh==", "Zm9v\n", "Z===", "====", "Zm=v", "Zg==Zg==", "_-8="}) {
    CAPTURE(bad);
    CHECK_FALSE(base64_decode(bad).has_value());
  }
  for (const char* bad : {"Z", "Zg==", "Zh", "a+b/"}) {
    CAPTURE(bad);
    CHECK_FALSE(base64url_decode(bad).has_value());
  }
}
