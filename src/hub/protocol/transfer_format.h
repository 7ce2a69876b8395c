#pragma once

#include <cstdint>

namespace hubgate::hub {

/// What a hub protocol needs of a transport, and what a WebSocket's frames are called: text or binary.
enum class TransferFormat : std::uint8_t { kText, kBinary };

}  // namespace hubgate::hub
