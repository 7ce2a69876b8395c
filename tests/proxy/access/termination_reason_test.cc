#include "proxy/access/termination_reason.h"

#include <set>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace hubgate::proxy;

namespace {

// The words of the table's first column: "| `word` | …".
std::set<std::string> documented_words(const std::string& text) {
  std::set<std::string> words;
  const std::string mark = "\n| `";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    const std::string word = text.substr(begin, text.find('`', begin) - begin);
    CAPTURE(word);
    CHECK(words.insert(word).second);
  }
  return words;
}

}  // namespace

TEST_CASE("docs/reasons.md explains each reason, and no other", "[proxy][access]") {
  std::set<std::string> known;
  for (int i = 0; i < static_cast<int>(TerminationReason::kCount); ++i) {
    known.insert(std::string(to_string(static_cast<TerminationReason>(i))));
  }
  CHECK(known.size() == static_cast<std::size_t>(TerminationReason::kCount));
  CHECK(documented_words(hubgate::test::TemporaryFolder::read("docs/reasons.md")) == known);
}

TEST_CASE("a reason's word leads back to it, and other words to none", "[proxy][access]") {
  for (int i = 0; i < static_cast<int>(TerminationReason::kCount); ++i) {
    const auto reason = static_cast<TerminationReason>(i);
    CHECK(parse_reason(to_string(reason)) == reason);
  }
  CHECK(parse_reason("") == std::nullopt);
  CHECK(parse_reason("Completed") == std::nullopt);
}
