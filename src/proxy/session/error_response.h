#pragma once

#include <string>
#include <string_view>

#include "common/http/message.h"

namespace hubgate::proxy {

/// An answer of the proxy's own, with a short text for people. Nothing of it tells what is behind the proxy.
struct ErrorResponse {
  http::ResponseHead head;
  std::string body;
};

/// "404 Not Found" and the like; 429 and 503 get Retry-After, 426 the WebSocket version that we speak.
ErrorResponse make_error_response(int status);
/// 404 for a connection token whose endpoint cannot be asked, in SignalR's own words; `{hub}/refresh` says it in JSON.
ErrorResponse make_no_connection_response(bool to_refresh);

}  // namespace hubgate::proxy
