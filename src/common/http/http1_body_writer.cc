#include "common/http/http1_body_writer.h"

#include "common/http/http1_writer.h"

namespace hubgate::http {

bool BodyWriter::count(std::size_t size) {
  if (framing_.kind == BodyKind::kChunked || framing_.kind == BodyKind::kUntilClose) return true;
  if (size > framing_.length) return false;
  framing_.length -= size;
  return true;
}

std::optional<Payload> BodyWriter::frame(Bytes piece) {
  if (!count(piece.size())) return std::nullopt;
  if (suppressed_ || piece.empty()) return Payload();
  return framing_.kind == BodyKind::kChunked ? make_chunk(piece) : Payload(piece);
}

std::optional<Payload> BodyWriter::frame(Payload piece) {
  if (framing_.kind == BodyKind::kChunked) return frame(piece.bytes());
  if (!count(piece.size())) return std::nullopt;
  return suppressed_ ? Payload() : std::move(piece);
}

std::optional<std::string_view> BodyWriter::finish() const {
  if (suppressed_) return std::string_view();
  if (framing_.kind == BodyKind::kChunked) return kLastChunk;
  if (framing_.kind == BodyKind::kLength && framing_.length > 0) return std::nullopt;
  return std::string_view();
}

}  // namespace hubgate::http
