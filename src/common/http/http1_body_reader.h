#pragma once

#include <cstdint>

#include "common/base/bytes.h"
#include "common/http/message.h"
#include "common/http/rejection.h"

namespace hubgate::http {

/// What heads and chunk framing may cost. Bytes, but `fields`. Defaults: spec of the proxy, table of defaults.
struct ReaderLimits {
  std::size_t head = 16 * 1024;  // the whole head with its CRLFs; of trailers the same
  std::size_t target = 8 * 1024;
  std::size_t field = 8 * 1024;  // one line without CRLF
  std::size_t fields = 100;      // of a head, of trailers
  std::size_t chunk_extension = 256;
  std::size_t chunk_extensions = 16 * 1024;  // of one message in all
};

/// What a reader found at the front of its input.
enum class ReadEvent : std::uint8_t {
  kNeedMore,  // nothing more until bytes come; what was not taken must be shown again, in front of them
  kHead,      // head() is filled
  kBody,      // `body` is the next piece; say body_taken() for what was used of it
  kEnd,       // the message is complete; said again until the reader is told to go on
  kRejected,  // rejection() says why; for ever
};
struct ReadStep {
  ReadEvent event = ReadEvent::kNeedMore;
  std::size_t taken = 0;  // bytes of the input that are done with; those of `body`, which lie behind them, not counted
  MutableBytes body;
};

/// Finds the bytes of one body by its framing. Chunk extensions and trailers are validated and dropped. No I/O, no
/// memory of its own.
class BodyReader {
 public:
  /// Begins a body. `limits` must outlive the reading of it.
  void start(BodyFraming framing, const ReaderLimits& limits);
  /// kNeedMore, kBody, kEnd or kRejected.
  ReadStep read(MutableBytes input);
  /// So many bytes of the piece shown last were used; the rest is shown again.
  void body_taken(std::size_t count);
  /// The stream has ended: true when that completes the body.
  bool end_of_input();
  Rejection rejection() const { return rejection_; }
  /// Bytes that are known to be still to come; of chunks only the present one's.
  std::uint64_t remaining() const { return remaining_; }

 private:
  enum class State : std::uint8_t {
    kData,
    kUntilClose,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kDone,
    kRejected
  };
  ReadStep reject(Rejection rejection);
  ReadStep offer(MutableBytes input, std::size_t taken) const;
  bool read_chunk_size(std::string_view line);
  const ReaderLimits* limits_ = nullptr;
  std::uint64_t remaining_ = 0;
  std::uint32_t extension_bytes_ = 0;
  std::uint32_t trailer_bytes_ = 0;
  std::uint32_t trailer_fields_ = 0;
  State state_ = State::kDone;
  Rejection rejection_ = Rejection::kNone;
};

}  // namespace hubgate::http
