#include "proxy/routing/negotiate_token.h"

#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> shown = fuzz::exact(std::string_view(reinterpret_cast<const char*>(data), size));
  const std::string_view text = as_text(shown);
  if (proxy::without_tag(text, 4).size() > text.size()) std::abort();
  const auto place = proxy::find_negotiate_token(text);
  if (!place || !*place) return 0;
  // Behind an opening quote, and with a tag there it is the same answer with a longer token.
  if (**place == 0 || **place >= text.size() || text[**place - 1] != '"') std::abort();
  std::string tagged(text);
  tagged.insert(**place, "0123456789_-abcdefghABCD");
  const auto again = proxy::find_negotiate_token(tagged);
  if (!again || *again != *place) std::abort();
  return 0;
}
