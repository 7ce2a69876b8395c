#include "common/redis/resp.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

namespace {
void tell(const redis::Reply& reply, std::string& story) {
  story += std::to_string(static_cast<int>(reply.kind)) + ":" + std::to_string(reply.integer) + ":" + reply.text + "(";
  for (const redis::Reply& element : reply.elements) tell(element, story);
  story += ")";
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // One piece only: how far hiredis' reader has got when a limit is passed depends on the cut, the error does not.
  const fuzz::Input input(data, size);
  for (const std::size_t step : {std::max<std::size_t>(input.text.size(), 1), input.step}) {
    redis::RespReader reader(4096);
    std::string story;
    for (std::size_t at = 0; at < input.text.size(); at += step) {
      reader.feed(as_bytes(std::string_view(input.text).substr(at, step)));
      for (;;) {
        const auto next = reader.next();
        if (!next) return 0;
        if (*next == nullptr) break;
        tell(**next, story);
      }
    }
  }
  return 0;
}
