#pragma once

#include <string>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "common/http/message.h"

namespace hubgate::proxy {

/// The 200 of a server that is not ours to a negotiate, held back until it is whole, because its token must not get out
/// without the tag of its endpoint: the client's next request would go anywhere. A value of its Exchange.
///
/// Every error is an answer that cannot be tagged: side upstream; `what` is one line for the log.
class NegotiateAnswer {
 public:
  static constexpr std::size_t kMostBody = 64 * 1024;  // bytes; real ones have a few hundred

  NegotiateAnswer(http::ResponseHead head, std::string tag) : head_(std::move(head)), tag_(std::move(tag)) {}

  /// Whether it makes sense to read the body. kUnsupported: it is encoded, although nobody asked for that.
  Result<void> check_head() const;
  /// kTooLarge: more than kMostBody.
  Result<void> add(Bytes piece);
  /// The body is whole: it gets the tag, or stays as it is where it has no token, as a redirect. kInvalid: it is no
  /// JSON object, see find_negotiate_token().
  Result<void> finish();

  // After finish().
  http::ResponseHead& head() { return head_; }  // as it came: its framing is of the body before
  const std::string& body() const { return body_; }

 private:
  http::ResponseHead head_;
  std::string tag_;
  std::string body_;
};

}  // namespace hubgate::proxy
