#pragma once

#include <cstdint>
#include <string_view>

#include "common/http/http1_body_reader.h"
#include "common/http/message.h"
#include "common/http/rejection.h"

namespace hubgate::http {

/// Reads requests from a byte stream, strictly (spec of the proxy, F.3): a message that could be understood in two
/// ways is refused. Does no I/O and keeps no bytes: what it has not taken is shown again. The outcome is the same
/// however the stream is cut.
///
///   for (;;) {
///     ReadStep step = reader.read(input);
///     input = input.subspan(step.taken);
///     if (step.event == ReadEvent::kBody) { n = use(step.body); reader.body_taken(n); input = input.subspan(n); }
///     …
///   }
class RequestReader {
 public:
  /// `limits` must outlive the message that is being read.
  explicit RequestReader(const ReaderLimits& limits) : limits_(&limits) {}

  ReadStep read(MutableBytes input);
  void body_taken(std::size_t count) { body_.body_taken(count); }
  /// After kEnd: the next request. `limits` may be others.
  void restart(const ReaderLimits& limits);

  /// Valid from kHead on; may be moved from.
  RequestHead& head() { return head_; }
  Rejection rejection() const { return rejection_; }
  /// A byte of the present request's head has been taken (its first line may still be untaken input).
  bool has_begun() const { return state_ != State::kStart || skipped_line_; }
  /// Bytes of the present body that are known to be still to come (of chunks only the present one's).
  std::uint64_t remaining_body() const { return body_.remaining(); }

  static constexpr std::size_t kMaxMethod = 64;  // bytes

 private:
  enum class State : std::uint8_t { kStart, kFields, kBody, kDone, kRejected };
  ReadStep reject(Rejection rejection);
  Rejection read_request_line(std::string_view line);

  const ReaderLimits* limits_;
  RequestHead head_;
  std::string authority_;  // of an absolute target, until the head is complete
  BodyReader body_;
  std::size_t head_bytes_ = 0;
  State state_ = State::kStart;
  Rejection rejection_ = Rejection::kNone;
  bool skipped_line_ = false;
};

/// Reads responses, with the same strictness: whatever is refused is answered with 502, and the connection closed.
/// Interim responses (1xx but 101) come as kHead, and the next head follows. After a 101 comes kEnd: the bytes behind
/// it are another protocol's.
class ResponseReader {
 public:
  explicit ResponseReader(const ReaderLimits& limits) : limits_(&limits) {}

  /// A request has been sent, and its response comes next. `to_head_request`: no body follows whatever the head says.
  void expect(bool to_head_request, const ReaderLimits& limits);
  ReadStep read(MutableBytes input);
  void body_taken(std::size_t count) { body_.body_taken(count); }
  /// The stream has ended: kEnd when that completes the response, else kRejected (kTruncated).
  ReadStep end_of_input();

  ResponseHead& head() { return head_; }
  Rejection rejection() const { return rejection_; }
  /// A byte of the present response has been taken.
  bool has_begun() const { return state_ != State::kStart || interim_ > 0; }

  static constexpr int kMaxInterim = 16;  // 1xx responses before a final one

 private:
  enum class State : std::uint8_t { kStart, kFields, kInterim, kBody, kDone, kRejected };
  ReadStep reject(Rejection rejection);
  Rejection read_status_line(std::string_view line);
  void start_head();

  const ReaderLimits* limits_;
  ResponseHead head_;
  BodyReader body_;
  std::size_t head_bytes_ = 0;
  int interim_ = 0;
  State state_ = State::kStart;
  Rejection rejection_ = Rejection::kNone;
  bool to_head_request_ = false;
};

}  // namespace hubgate::http
