#include "common/http/http1_reader.h"

#include <algorithm>

#include "common/base/ascii.h"
#include "common/http/head_check.h"
#include "common/http/http1_grammar.h"
#include "common/http/status.h"

namespace hubgate::http {
namespace {

// One line of fields, or the empty line at the end of a head. Both kinds of head are read with it.
struct FieldStep {
  enum class Outcome : std::uint8_t { kNeedMore, kField, kEnd, kRejected };
  Outcome outcome;
  std::size_t taken = 0;
  Rejection rejection = Rejection::kNone;
};

FieldStep read_field(std::string_view text, std::size_t head_bytes, const ReaderLimits& limits, Headers& headers) {
  const auto rejected = [](Rejection why) { return FieldStep{FieldStep::Outcome::kRejected, 0, why}; };
  // The line's own CRLF and that of the empty line count too.
  const std::size_t left = limits.head - std::min(limits.head, head_bytes + 4);
  const CutLine line = cut_line(text, std::min(limits.field, left));
  switch (line.outcome) {
    case CutLine::Outcome::kNeedMore: return {FieldStep::Outcome::kNeedMore};
    case CutLine::Outcome::kBareLf: return rejected(Rejection::kBareLf);
    case CutLine::Outcome::kTooLong:
      return rejected(limits.field <= left ? Rejection::kFieldTooLarge : Rejection::kHeadTooLarge);
    case CutLine::Outcome::kLine: break;
  }
  if (line.text.empty()) return {FieldStep::Outcome::kEnd, line.taken};
  if (headers.size() >= limits.fields) return rejected(Rejection::kTooManyFields);
  const FieldLine field = parse_field_line(line.text);
  if (field.rejection != Rejection::kNone) return rejected(field.rejection);
  headers.add(field.name, field.value);
  return {FieldStep::Outcome::kField, line.taken};
}

// "HTTP/1.1" → its minor version. kNone when it is one of ours.
Rejection read_version(std::string_view text, Rejection malformed, std::uint8_t& minor_version) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.' || !is_digit(text[5]) || !is_digit(text[7])) {
    return text.find('\r') == std::string_view::npos ? malformed : Rejection::kBareCr;
  }
  if (text[5] != '1' || text[7] > '1') return Rejection::kVersion;
  minor_version = static_cast<std::uint8_t>(text[7] - '0');
  return Rejection::kNone;
}

Rejection check_path(std::string_view path) {
  // Nearly every path has neither, and two scans for one byte each are vectorised.
  if (path.find('\\') != std::string_view::npos) return Rejection::kPath;
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    const std::string_view digits = path.substr(at + 1, 2);
    const auto byte = digits.size() == 2 ? parse_hex(digits) : std::nullopt;
    if (!byte || *byte == 0) return Rejection::kPath;
  }
  return Rejection::kNone;
}

}  // namespace

ReadStep RequestReader::reject(Rejection rejection) {
  rejection_ = rejection;
  state_ = State::kRejected;
  return {ReadEvent::kRejected, 0, {}};
}

void RequestReader::restart(const ReaderLimits& limits) {
  // Capacity goes too: a connection between two requests owns no memory.
  *this = RequestReader(limits);
}

// From left to right, and the first fault decides, so that a line too long to be kept gets the same answer as a whole
// one.
Rejection RequestReader::read_request_line(std::string_view line) {
  const std::string_view word = line.substr(0, line.find(' '));
  const std::string_view method = word.substr(0, kMaxMethod + 1);
  if (!is_token(method) || method.size() > kMaxMethod) {
    return method.find('\r') == std::string_view::npos ? Rejection::kMethod : Rejection::kBareCr;
  }
  if (word.size() == line.size()) return Rejection::kRequestLine;
  std::string_view rest = line.substr(word.size() + 1);
  std::size_t size = 0;
  while (size < rest.size() && is_target_char(rest[size])) {
    if (++size > limits_->target) return Rejection::kTargetTooLong;
  }
  if (size < rest.size() && rest[size] != ' ') return rest[size] == '\r' ? Rejection::kBareCr : Rejection::kTarget;
  if (size == 0 || size == rest.size()) return Rejection::kRequestLine;
  std::string_view target = rest.substr(0, size);
  if (const Rejection why = read_version(rest.substr(size + 1), Rejection::kRequestLine, head_.minor_version);
      why != Rejection::kNone) {
    return why;
  }

  if (method == "CONNECT" || method == "TRACE") return Rejection::kMethodNotAllowed;
  head_.method = method;
  if (target == "*") {
    if (method != "OPTIONS") return Rejection::kTarget;
    head_.target = target;
    return Rejection::kNone;
  }
  std::string_view authority;
  const bool absolute = target.front() != '/';
  if (absolute) {
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return Rejection::kTarget;
    const std::string_view name = target.substr(0, scheme);
    if (!equals_ignoring_case(name, "http") && !equals_ignoring_case(name, "https")) return Rejection::kTarget;
    target.remove_prefix(scheme + 3);
    authority = target.substr(0, target.find_first_of("/?"));
    if (authority.empty()) return Rejection::kTarget;
    target.remove_prefix(authority.size());
  }
  if (const Rejection why = check_path(split_target(target).path); why != Rejection::kNone) return why;
  authority_ = authority;
  head_.target.clear();
  if (absolute && !target.starts_with('/')) head_.target = "/";
  head_.target += target;
  return Rejection::kNone;
}

ReadStep RequestReader::read(MutableBytes input) {
  std::size_t taken = 0;
  for (;;) {
    const std::string_view text = as_text(input.subspan(taken));
    switch (state_) {
      case State::kStart: {
        if (text.empty()) return {ReadEvent::kNeedMore, taken, {}};
        // Another protocol on our port (a TLS hello) may never send a line end: its first byte tells.
        if (!is_token_char(text.front()) && text.front() != '\r' && text.front() != '\n')
          return reject(Rejection::kMethod);
        const std::size_t line_max = std::min(kMaxMethod + 1 + limits_->target + sizeof " HTTP/1.1" - 1,
                                              limits_->head - std::min<std::size_t>(limits_->head, 4));
        const CutLine line = cut_line(text, line_max);
        if (line.outcome == CutLine::Outcome::kNeedMore) return {ReadEvent::kNeedMore, taken, {}};
        if (line.outcome == CutLine::Outcome::kBareLf) return reject(Rejection::kBareLf);
        if (line.outcome == CutLine::Outcome::kTooLong) {
          const Rejection why = read_request_line(line.text);
          return reject(why == Rejection::kNone ? Rejection::kHeadTooLarge : why);
        }
        if (line.text.empty()) {
          if (skipped_line_) return reject(Rejection::kRequestLine);
          skipped_line_ = true;
          taken += line.taken;
          break;
        }
        const Rejection why = read_request_line(line.text);
        if (why != Rejection::kNone) return reject(why);
        taken += line.taken;
        head_bytes_ = line.taken;
        state_ = State::kFields;
        break;
      }

      case State::kFields: {
        const FieldStep step = read_field(text, head_bytes_, *limits_, head_.headers);
        if (step.outcome == FieldStep::Outcome::kNeedMore) return {ReadEvent::kNeedMore, taken, {}};
        if (step.outcome == FieldStep::Outcome::kRejected) return reject(step.rejection);
        taken += step.taken;
        head_bytes_ += step.taken;
        if (step.outcome == FieldStep::Outcome::kField) break;
        const Rejection why = check_request_head(head_, authority_);
        if (why != Rejection::kNone) return reject(why);
        body_.start(head_.body, *limits_);
        state_ = State::kBody;
        return {ReadEvent::kHead, taken, {}};
      }

      case State::kBody: {
        ReadStep step = body_.read(input.subspan(taken));
        if (step.event == ReadEvent::kRejected) return reject(body_.rejection());
        if (step.event == ReadEvent::kEnd) state_ = State::kDone;
        step.taken += taken;
        return step;
      }

      case State::kDone: return {ReadEvent::kEnd, taken, {}};
      case State::kRejected: return {ReadEvent::kRejected, 0, {}};
    }
  }
}

void ResponseReader::start_head() {
  head_ = ResponseHead();
  head_bytes_ = 0;
  state_ = State::kStart;
}

void ResponseReader::expect(bool to_head_request, const ReaderLimits& limits) {
  *this = ResponseReader(limits);
  to_head_request_ = to_head_request;
}

ReadStep ResponseReader::reject(Rejection rejection) {
  rejection_ = rejection;
  state_ = State::kRejected;
  return {ReadEvent::kRejected, 0, {}};
}

Rejection ResponseReader::read_status_line(std::string_view line) {
  if (const Rejection why = read_version(line.substr(0, 8), Rejection::kStatusLine, head_.minor_version);
      why != Rejection::kNone) {
    return why;
  }
  // The space behind the code is left out by some when there is no reason; nothing else can be meant by that.
  const std::string_view rest = line.substr(8);
  if (rest.size() < 4 || rest[0] != ' ' || (rest.size() > 4 && rest[4] != ' ')) return Rejection::kStatusLine;
  const auto status = parse_decimal(rest.substr(1, 3));
  if (!status || *status < 100 || *status > 599) return Rejection::kStatusLine;
  head_.status = static_cast<int>(*status);
  if (rest.size() > 5) {
    const std::string_view reason = rest.substr(5);
    if (!is_field_value(reason)) {
      return reason.find('\r') == std::string_view::npos ? Rejection::kStatusLine : Rejection::kBareCr;
    }
    head_.reason = reason;
  }
  return Rejection::kNone;
}

ReadStep ResponseReader::read(MutableBytes input) {
  std::size_t taken = 0;
  for (;;) {
    const std::string_view text = as_text(input.subspan(taken));
    switch (state_) {
      case State::kStart: {
        if (text.empty()) return {ReadEvent::kNeedMore, taken, {}};
        if (text.front() != 'H') return reject(Rejection::kStatusLine);
        const CutLine line = cut_line(text, limits_->field);
        if (line.outcome == CutLine::Outcome::kNeedMore) return {ReadEvent::kNeedMore, taken, {}};
        if (line.outcome == CutLine::Outcome::kBareLf) return reject(Rejection::kBareLf);
        if (line.outcome == CutLine::Outcome::kTooLong) return reject(Rejection::kFieldTooLarge);
        const Rejection why = read_status_line(line.text);
        if (why != Rejection::kNone) return reject(why);
        taken += line.taken;
        head_bytes_ = line.taken;
        state_ = State::kFields;
        break;
      }

      case State::kFields: {
        const FieldStep step = read_field(text, head_bytes_, *limits_, head_.headers);
        if (step.outcome == FieldStep::Outcome::kNeedMore) return {ReadEvent::kNeedMore, taken, {}};
        if (step.outcome == FieldStep::Outcome::kRejected) return reject(step.rejection);
        taken += step.taken;
        head_bytes_ += step.taken;
        if (step.outcome == FieldStep::Outcome::kField) break;
        const Rejection why = check_response_head(head_);
        if (why != Rejection::kNone) return reject(why);
        if (head_.is_interim()) {
          if (++interim_ > kMaxInterim) return reject(Rejection::kTooManyInterim);
          state_ = State::kInterim;
        } else {
          const bool no_body = to_head_request_ || !allows_body(head_.status);
          body_.start(no_body ? BodyFraming::none() : head_.body, *limits_);
          state_ = State::kBody;
        }
        return {ReadEvent::kHead, taken, {}};
      }

      case State::kInterim: start_head(); break;

      case State::kBody: {
        ReadStep step = body_.read(input.subspan(taken));
        if (step.event == ReadEvent::kRejected) return reject(body_.rejection());
        if (step.event == ReadEvent::kEnd) state_ = State::kDone;
        step.taken += taken;
        return step;
      }

      case State::kDone: return {ReadEvent::kEnd, taken, {}};
      case State::kRejected: return {ReadEvent::kRejected, 0, {}};
    }
  }
}

ReadStep ResponseReader::end_of_input() {
  if (state_ == State::kDone) return {ReadEvent::kEnd, 0, {}};
  if (state_ == State::kBody && body_.end_of_input()) {
    state_ = State::kDone;
    return {ReadEvent::kEnd, 0, {}};
  }
  return reject(Rejection::kTruncated);
}

}  // namespace hubgate::http
