#include "hub/protocol/handshake_protocol.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> shown = fuzz::exact(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto request = hub::parse_handshake_request(as_text(shown));
  if (!request) return 0;
  // What was understood is understood the same when it is written anew.
  const std::string again = hub::handshake_request(request->protocol, request->version);
  const auto second = hub::parse_handshake_request(std::string_view(again).substr(0, again.size() - 1));
  if (!second || second->protocol != request->protocol || second->version != request->version) std::abort();
  return 0;
}
