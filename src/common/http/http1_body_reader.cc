#include "common/http/http1_body_reader.h"

#include <algorithm>
#include <cassert>

#include "common/base/ascii.h"
#include "common/http/http1_grammar.h"

namespace hubgate::http {
namespace {

constexpr std::size_t kMaxSizeDigits = 8;  // of a chunk: 4 GiB, and no arithmetic can overflow

}  // namespace

void BodyReader::start(BodyFraming framing, const ReaderLimits& limits) {
  *this = BodyReader();
  limits_ = &limits;
  switch (framing.kind) {
    case BodyKind::kNone: state_ = State::kDone; break;
    case BodyKind::kLength:
      remaining_ = framing.length;
      state_ = remaining_ == 0 ? State::kDone : State::kData;
      break;
    case BodyKind::kChunked: state_ = State::kChunkSize; break;
    case BodyKind::kUntilClose: state_ = State::kUntilClose; break;
  }
}

ReadStep BodyReader::reject(Rejection rejection) {
  rejection_ = rejection;
  state_ = State::kRejected;
  return {ReadEvent::kRejected, 0, {}};
}

ReadStep BodyReader::offer(MutableBytes input, std::size_t taken) const {
  const MutableBytes rest = input.subspan(taken);
  if (rest.empty()) return {ReadEvent::kNeedMore, taken, {}};
  const bool bounded = state_ != State::kUntilClose;
  const std::size_t size =
      bounded ? static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, rest.size())) : rest.size();
  return {ReadEvent::kBody, taken, rest.first(size)};
}

void BodyReader::body_taken(std::size_t count) {
  if (state_ == State::kUntilClose) return;
  assert(count <= remaining_);
  remaining_ -= count;
  if (remaining_ > 0) return;
  if (state_ == State::kData) state_ = State::kDone;
  if (state_ == State::kChunkData) state_ = State::kChunkEnd;
}

bool BodyReader::end_of_input() {
  if (state_ == State::kUntilClose) state_ = State::kDone;
  return state_ == State::kDone;
}

// "1a" or "1a;name=value". False when refused.
bool BodyReader::read_chunk_size(std::string_view line) {
  std::size_t digits = 0;
  while (digits < line.size() && parse_hex(line.substr(digits, 1))) ++digits;
  if (digits == 0 || digits > kMaxSizeDigits) {
    rejection_ = Rejection::kChunkSize;
    return false;
  }
  const std::string_view extension = line.substr(digits);
  if (!extension.empty()) {
    // What extensions mean is nobody's business; that they are one line of clean text is.
    const std::string_view text = trim(extension);
    if (text.empty() || text.front() != ';') {
      rejection_ = extension.front() == '\r' ? Rejection::kBareCr : Rejection::kChunkSize;
      return false;
    }
    if (!is_field_value(extension)) {
      rejection_ = extension.find('\r') != std::string_view::npos ? Rejection::kBareCr : Rejection::kChunkExtension;
      return false;
    }
    extension_bytes_ += static_cast<std::uint32_t>(extension.size());
    if (extension.size() > limits_->chunk_extension || extension_bytes_ > limits_->chunk_extensions) {
      rejection_ = Rejection::kChunkExtension;
      return false;
    }
  }
  remaining_ = *parse_hex(line.substr(0, digits));
  return true;
}

ReadStep BodyReader::read(MutableBytes input) {
  std::size_t taken = 0;
  for (;;) {
    const std::string_view text = as_text(input.subspan(taken));
    switch (state_) {
      case State::kData:
      case State::kUntilClose:
      case State::kChunkData: return offer(input, taken);

      case State::kChunkEnd:
        if (text.empty() || text == "\r") return {ReadEvent::kNeedMore, taken, {}};
        if (!text.starts_with("\r\n")) return reject(Rejection::kChunkEnd);
        taken += 2;
        state_ = State::kChunkSize;
        break;

      case State::kChunkSize: {
        const CutLine line = cut_line(text, kMaxSizeDigits + limits_->chunk_extension);
        if (line.outcome == CutLine::Outcome::kNeedMore) return {ReadEvent::kNeedMore, taken, {}};
        if (line.outcome == CutLine::Outcome::kBareLf) return reject(Rejection::kBareLf);
        if (line.outcome == CutLine::Outcome::kTooLong) {
          // Either too many digits or too much behind them: which, its beginning tells.
          const bool clean = read_chunk_size(line.text);
          return reject(clean ? Rejection::kChunkExtension : rejection_);
        }
        if (!read_chunk_size(line.text)) return reject(rejection_);
        taken += line.taken;
        state_ = remaining_ == 0 ? State::kTrailers : State::kChunkData;
        break;
      }

      case State::kTrailers: {
        const std::size_t left = limits_->head - std::min<std::size_t>(limits_->head, trailer_bytes_);
        const CutLine line = cut_line(text, std::min(limits_->field, left));
        if (line.outcome == CutLine::Outcome::kNeedMore) return {ReadEvent::kNeedMore, taken, {}};
        if (line.outcome == CutLine::Outcome::kBareLf) return reject(Rejection::kBareLf);
        if (line.outcome == CutLine::Outcome::kTooLong) {
          return reject(limits_->field <= left ? Rejection::kFieldTooLarge : Rejection::kHeadTooLarge);
        }
        taken += line.taken;
        if (line.text.empty()) {
          state_ = State::kDone;
          break;
        }
        trailer_bytes_ += static_cast<std::uint32_t>(line.taken);
        if (++trailer_fields_ > limits_->fields) return reject(Rejection::kTooManyFields);
        const Rejection why = parse_field_line(line.text).rejection;
        if (why != Rejection::kNone) {
          return reject(why == Rejection::kBareCr || why == Rejection::kObsFold ? why : Rejection::kTrailer);
        }
        break;
      }

      case State::kDone: return {ReadEvent::kEnd, taken, {}};
      case State::kRejected: return {ReadEvent::kRejected, 0, {}};
    }
  }
}

}  // namespace hubgate::http
