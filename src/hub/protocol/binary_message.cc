#include "hub/protocol/binary_message.h"

namespace hubgate::hub {

namespace {

constexpr std::size_t kMaxPrefix = 5;

}  // namespace

LengthPrefix read_length_prefix(Bytes input) noexcept {
  std::size_t length = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(input[i]);
    // The fifth byte has room for three bits, and there is no sixth.
    if (i + 1 == kMaxPrefix && byte > 7) return {LengthStatus::kTooLarge, 0, 0};
    length |= std::size_t{byte & 0x7fU} << (7 * i);
    if ((byte & 0x80) == 0) return {LengthStatus::kComplete, i + 1, length};
  }
  return {};
}

void append_length_prefix(std::size_t message, std::string& out) {
  while (message > 0x7f) {
    out.push_back(static_cast<char>(0x80 | (message & 0x7f)));
    message >>= 7;
  }
  out.push_back(static_cast<char>(message));
}

}  // namespace hubgate::hub
