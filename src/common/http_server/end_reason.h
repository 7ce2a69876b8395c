#pragma once

#include <cstdint>
#include <string_view>

#include "common/net/connection.h"

namespace hubgate::http_server {

/// Why a server connection ended without its owner's asking.
enum class EndReason : std::uint8_t {
  kPeerEnded,  // the client closed, between requests or in the middle of one
  kPeerReset,  // the client or the network broke it
  kTlsFailed,
  kOverflow,    // more unread bytes than a connection keeps
  kFinished,    // the last answer is out: one side said close, or a limit was reached
  kRejected,    // what was read was refused, and answered
  kIdle,        // no request came in time
  kSlowReader,  // output waited and nothing of it was taken
};
std::string_view to_string(EndReason reason) noexcept;
EndReason end_reason_of(net::CloseReason reason) noexcept;

}  // namespace hubgate::http_server
