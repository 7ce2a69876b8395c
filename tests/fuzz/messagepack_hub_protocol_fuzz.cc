#include "tests/fuzz/hub_protocol_fuzz.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const hub::HubProtocol& protocol = *hub::find_standard_protocol("messagepack");
  return fuzz::same_story(data, size, [&protocol](std::string_view text, std::size_t step) {
    return fuzz::hub_story(protocol, text, step);
  });
}
