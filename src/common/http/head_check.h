#pragma once

#include <string_view>

#include "common/http/message.h"
#include "common/http/rejection.h"

namespace hubgate::http {

/// What must hold of a complete head, and what it means: fills body, keep_alive, expects_continue and upgrade from the
/// fields. `authority` is that of an absolute target, "" for other forms. Used by the readers only.
Rejection check_request_head(RequestHead& head, std::string_view authority);
Rejection check_response_head(ResponseHead& head);

}  // namespace hubgate::http
