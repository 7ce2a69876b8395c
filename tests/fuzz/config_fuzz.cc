#include "proxy/config/load_proxy_config.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const proxy::LoadedConfig loaded = proxy::load_proxy_config(
      {.file = "fuzz.toml", .text = std::string(reinterpret_cast<const char*>(data), size), .overrides = {}});
  // A configuration or errors, never both and never neither.
  if (loaded.config.has_value() != loaded.errors.empty()) std::abort();
  return 0;
}
