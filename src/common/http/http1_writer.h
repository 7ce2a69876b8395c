#pragma once

#include <cstddef>
#include <string>

#include "common/base/bytes.h"
#include "common/http/message.h"

namespace hubgate::http {

/// Appends a head, made anew. Framing and connection fields come from the members `body`, `keep_alive` and `upgrade`
/// only; fields of those names in `headers` are passed over (message.h). Every field is validated on the way out: one
/// that is not valid is a mistake of ours, asserted, and left out in release, so that nobody can split a message.
/// A request with `upgrade` kWebSocket gets "Connection: Upgrade" and "Upgrade: websocket", any other none at all.
void append_request_head(std::string& out, const RequestHead& head);
/// A 101 gets "Connection: Upgrade" and keeps its Upgrade field. 1xx and 204 get no framing; `body` kNone is written
/// as "Content-Length: 0" except for 304. `for_http10`: the requester speaks 1.0, so staying open must be said.
void append_response_head(std::string& out, const ResponseHead& head, bool for_http10 = false);

/// One chunk with its framing, as one payload. `data` is not empty: that would be the last chunk.
Payload make_chunk(Bytes data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace hubgate::http
