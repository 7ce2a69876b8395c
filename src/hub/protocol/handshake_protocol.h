#pragma once

#include <span>
#include <string>
#include <string_view>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "hub/protocol/hub_protocol.h"

namespace hubgate::hub {

/// What a client wants to speak; the first record of every connection, JSON whatever the protocol.
struct HandshakeRequest {
  std::string protocol;  // as sent, any case
  int version = 0;       // zero and negatives are allowed
};

/// Texts of failed handshakes; the client shows them.
inline constexpr std::string_view kHandshakeCanceled = "Handshake was canceled.";
inline constexpr std::string_view kHandshakeFailed = "An unexpected error occurred during connection handshake.";

/// Reads one record, without its separator. The error's text is what goes behind kHandshakeFailed, after a space, when
/// detailed errors are on. Source: aspnetcore docs/specs/HubProtocol.md.
Result<HandshakeRequest> parse_handshake_request(std::string_view record);

/// The protocol that the request asks for; the error's text is for the client as it is. Whether the transport carries
/// its transfer format is the caller's question.
Result<const HubProtocol*> choose_protocol(const HandshakeRequest& request,
                                           std::span<const HubProtocol* const> supported);

/// "Cannot use the 'messagepack' protocol on the current transport. …"
std::string unsupported_transfer_format(const HubProtocol& protocol);

/// `{}` with its separator; the same payload every time.
Payload handshake_success();
/// `{"error":"…"}` with its separator. The connection ends after it, without a Close message.
Payload handshake_failure(std::string_view error);

/// The client's side, for tests and tools: the request with its separator.
std::string handshake_request(std::string_view protocol, int version);

}  // namespace hubgate::hub
