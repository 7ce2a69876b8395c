#include "common/websocket/utf8_checker.h"

#include <string>

#include "tests/support/catch.h"

namespace hubgate::websocket {
namespace {

bool is_valid_in_pieces(std::string_view text, std::size_t cut) {
  Utf8Checker checker;
  return checker.feed(as_bytes(text.substr(0, cut))) && checker.feed(as_bytes(text.substr(cut))) &&
         checker.is_complete();
}

TEST_CASE("text is judged the same wherever it is cut", "[websocket]") {
  const std::string text = GENERATE(as<std::string>{}, "", "plain", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80",
                                    "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xE0\xA0\x80", "\xF0\x90\x80\x80",
                                    // and what is none: overlong, surrogate, too great, cut, stray
                                    "\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                    "a\xE2\x82", "a\x80", "\xE2\x28\xA1", "\xFF");
  const bool valid = is_utf8(as_bytes(text));
  CAPTURE(text, valid);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CAPTURE(cut);
    CHECK(is_valid_in_pieces(text, cut) == valid);
  }
  Utf8Checker bytewise;
  bool good = true;
  for (const char c : text) good = good && bytewise.feed(as_bytes({&c, 1}));
  CHECK((good && bytewise.is_complete()) == valid);
}

TEST_CASE("an impossible beginning of a character is noticed before its end", "[websocket]") {
  const std::string text = GENERATE(as<std::string>{}, "\xE0\x80", "\xED\xA0", "\xF4\x90", "\xF5", "\xC1");
  Utf8Checker checker;
  CHECK_FALSE(checker.feed(as_bytes(text)));
}

}  // namespace
}  // namespace hubgate::websocket
