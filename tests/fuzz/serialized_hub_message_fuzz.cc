#include "hub/protocol/serialized_hub_message.h"
#include "tests/fuzz/input.h"

using namespace hubgate;

namespace {

// An entry of the backplane in one protocol, asked for in the other: what comes out is whole messages of that one.
void rewrite(std::string_view from, std::string_view to, std::string_view bytes) {
  const hub::HubProtocol& target = *hub::find_standard_protocol(to);
  const hub::SerializedHubMessage::Entry entry{from, bytes};
  const hub::SerializedHubMessage message(std::span(&entry, 1));
  const hub::EncodedMessage* encoded = message.for_protocol(target);
  if (encoded == nullptr) return;
  hub::ParseState state{.max_message = 0};
  hub::HubMessage parsed;
  Bytes rest = encoded->bytes.bytes();
  while (!rest.empty()) {
    const hub::ParseResult result = target.parse(rest, state, parsed);
    if (result.status != hub::ParseStatus::kMessage) std::abort();
    for (const std::string_view raw : parsed.arguments) {
      Value value;
      if (!target.read_value(raw, value)) std::abort();
    }
    rest = rest.subspan(result.taken);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> shown = fuzz::exact(std::string_view(reinterpret_cast<const char*>(data), size));
  rewrite("json", "messagepack", as_text(shown));
  rewrite("messagepack", "json", as_text(shown));
  return 0;
}
