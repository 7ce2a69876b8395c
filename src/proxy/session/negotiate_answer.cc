#include "proxy/session/negotiate_answer.h"

#include "common/base/ascii.h"
#include "proxy/routing/negotiate_token.h"

namespace hubgate::proxy {

Result<void> NegotiateAnswer::check_head() const {
  for (const http::Headers::Field& field : head_.headers) {
    if (!equals_ignoring_case(field.name, "Content-Encoding") || equals_ignoring_case(field.value, "identity"))
      continue;
    return make_error(ErrorCode::kUnsupported, "the answer is encoded", Side::kUpstream);
  }
  return {};
}

Result<void> NegotiateAnswer::add(Bytes piece) {
  if (piece.size() > kMostBody - body_.size()) {
    return make_error(ErrorCode::kTooLarge, "the answer is longer than 64 KiB", Side::kUpstream);
  }
  body_.append(as_text(piece));
  return {};
}

Result<void> NegotiateAnswer::finish() {
  const auto place = find_negotiate_token(body_);
  if (!place) return place.error();
  if (*place) body_.insert(**place, tag_);
  return {};
}

}  // namespace hubgate::proxy
