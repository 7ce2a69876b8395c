#include "proxy/session/error_response.h"

#include "common/http/status.h"

namespace hubgate::proxy {
namespace {

constexpr std::string_view kRetryAfter = "2";  // seconds: a restart of a worker is over by then

ErrorResponse make(int status, std::string_view type, std::string body) {
  ErrorResponse response;
  response.head.status = status;
  response.head.headers.add("Content-Type", type);
  response.head.headers.add("Cache-Control", "no-store");
  response.head.headers.add("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
  return response;
}

}  // namespace

ErrorResponse make_error_response(int status) {
  std::string text = std::to_string(status);
  text.append(" ").append(http::reason_phrase(status)).append("\n");
  ErrorResponse response = make(status, "text/plain; charset=utf-8", std::move(text));
  if (status == 503) response.head.headers.add("Retry-After", kRetryAfter);
  if (status == 429) response.head.headers.add("Retry-After", "1");
  if (status == 426) response.head.headers.add("Sec-WebSocket-Version", "13");
  return response;
}

ErrorResponse make_no_connection_response(bool to_refresh) {
  if (to_refresh) return make(404, "application/json", R"({"error":"connection_not_found"})");
  return make(404, "text/plain", "No Connection with that ID");
}

}  // namespace hubgate::proxy
