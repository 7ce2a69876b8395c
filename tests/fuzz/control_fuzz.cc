#include "common/control/keeper_messages.h"
#include "common/control/worker_messages.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> shown = fuzz::exact(std::string_view(reinterpret_cast<const char*>(data), size));
  static_cast<void>(control::decode_keeper_to_proxy(shown));
  static_cast<void>(control::decode_keeper_to_supervisor(shown));
  static_cast<void>(control::decode_control_to_worker(shown));
  static_cast<void>(control::decode_control_to_proxy(shown));
  static_cast<void>(control::decode_handover_to_worker(shown));
  static_cast<void>(control::decode_handover_to_proxy(shown));
  return 0;
}
