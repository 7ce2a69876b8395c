#include "hub/lifetime/redis_protocol.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> shown = fuzz::exact(std::string_view(reinterpret_cast<const char*>(data), size));
  static_cast<void>(hub::redis_protocol::read_invocation(shown));
  if (const auto ack = hub::redis_protocol::read_ack(shown)) {
    const std::string again = hub::redis_protocol::write_ack(*ack);
    if (*hub::redis_protocol::read_ack(as_bytes(again)) != *ack) std::abort();
  }
  if (const auto command = hub::redis_protocol::read_group_command(shown)) {
    const std::string again = hub::redis_protocol::write_group_command(*command);
    if (hub::redis_protocol::read_group_command(as_bytes(again))->group != command->group) std::abort();
  }
  return 0;
}
