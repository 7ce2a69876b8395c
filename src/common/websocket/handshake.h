#pragma once

#include <string>
#include <string_view>

#include "common/base/random.h"

namespace hubgate::websocket {

/// What a server proves with: the value of Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2). A client compares.
std::string accept_key(std::string_view key);
/// 16 bytes in base64, no white space: what Sec-WebSocket-Key must be.
bool is_valid_key(std::string_view key);
/// A client's fresh key.
std::string make_key(Random& random);

/// The whole head of the 101 that answers a request with that key; no sub-protocol, no extension.
std::string switching_protocols_head(std::string_view key);

}  // namespace hubgate::websocket
