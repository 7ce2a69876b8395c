#pragma once

#include <string>
#include <string_view>

#include <hubgate/result.h>

namespace hubgate::proxy {

/// Where the gateway's admin socket is: `option` (--socket), else $HUBGATE_RUNTIME_DIR/admin.sock, else
/// /run/hubgate/admin.sock.
std::string find_admin_socket(const std::string& option);

struct AdminAnswer {
  int status = 0;
  std::string body;
};

/// One request to a gateway's admin socket; waits for the answer, at most 30 s. For the command line only: it blocks.
/// Errors: kUnavailable when nobody is there or the gateway dies, kTimeout, kInvalid for an answer that is none.
Result<AdminAnswer> ask_gateway(const std::string& socket, std::string_view method, std::string_view target);

}  // namespace hubgate::proxy
