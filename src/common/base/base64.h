#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"

namespace hubgate {

/// RFC 4648 §4, with padding.
std::string base64_encode(Bytes bytes);
/// RFC 4648 §5, without padding: only [A-Za-z0-9_-].
std::string base64url_encode(Bytes bytes);
/// Strict: exact padding, no white space, unused bits zero. Nothing for anything else.
std::optional<std::vector<std::byte>> base64_decode(std::string_view text);
/// Strict and without padding.
std::optional<std::vector<std::byte>> base64url_decode(std::string_view text);

}  // namespace hubgate
