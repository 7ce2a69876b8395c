#pragma once

#include <array>
#include <initializer_list>

#include "common/base/bytes.h"

namespace hubgate {

using Sha1 = std::array<std::byte, 20>;
using Sha256 = std::array<std::byte, 32>;

/// Digests of the parts, one after another. Any thread.
Sha1 sha1(std::initializer_list<Bytes> parts);
Sha256 sha256(std::initializer_list<Bytes> parts);
Sha256 hmac_sha256(Bytes key, std::initializer_list<Bytes> parts);
/// Equal in time that depends on the sizes only.
bool equals_in_constant_time(Bytes a, Bytes b) noexcept;

}  // namespace hubgate
