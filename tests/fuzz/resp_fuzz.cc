#include <optional>

#include "common/redis/resp.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

namespace {

void tell(const redis::Reply& reply, std::string& story) {
  story += std::to_string(static_cast<int>(reply.kind)) + ":" + std::to_string(reply.integer) + ":" + reply.text + "(";
  for (const redis::Reply& element : reply.elements) tell(element, story);
  story += ")";
}

/// Nothing when the stream was refused: how far the reader has got by then depends on the cut.
std::optional<std::string> story_of(std::string_view text, std::size_t step) {
  redis::RespReader reader(4096);
  std::string story;
  for (std::size_t at = 0; at < text.size(); at += step) {
    reader.feed(as_bytes(text.substr(at, step)));
    for (;;) {
      const auto next = reader.next();
      if (!next) return std::nullopt;
      if (*next == nullptr) break;
      tell(**next, story);
    }
  }
  return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input input(data, size);
  const auto whole = story_of(input.text, std::max<std::size_t>(input.text.size(), 1));
  const auto cut = story_of(input.text, input.step);
  if (whole && cut && *whole != *cut) std::abort();
  return 0;
}
