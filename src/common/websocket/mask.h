#pragma once

#include <array>

#include "common/base/bytes.h"

namespace hubgate::websocket {

using Mask = std::array<std::byte, 4>;

/// Masks or unmasks in place: the same operation. `offset` is the place of the first byte within the frame's payload,
/// for payloads that come in pieces.
void apply_mask(MutableBytes payload, const Mask& mask, std::size_t offset = 0) noexcept;

}  // namespace hubgate::websocket
