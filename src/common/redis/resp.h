#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>

#include "common/base/bytes.h"

struct redisReader;

namespace hubgate::redis {

/// One value of Redis' protocol, version 2. `text` is the text of kStatus, kError and kBulk, `integer` the number of
/// kInteger, `elements` the members of kArray.
struct Reply {
  enum class Kind : std::uint8_t { kStatus, kError, kInteger, kBulk, kNil, kArray };

  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  std::string text;
  std::vector<Reply> elements;

  bool is(Kind wanted) const { return kind == wanted; }
};

/// Cuts the bytes that Redis sends into replies. No I/O. Knows RESP2 only: we never ask for version 3, and hiredis'
/// own objects are not used, so a pushed message of that version is an error and not an assertion.
class RespReader {
 public:
  /// `max_reply`: bytes that one reply, its arrays and its lengths included, may take.
  explicit RespReader(std::size_t max_reply = kMaxReply);
  ~RespReader();
  RespReader(const RespReader&) = delete;
  RespReader& operator=(const RespReader&) = delete;

  /// Appends bytes; they are copied.
  void feed(Bytes bytes);
  /// The next whole reply, which lives until the next call, or null while more bytes are needed. Errors kInvalid and
  /// kTooLarge: close the link, the stream cannot be resumed; every later call fails alike.
  Result<const Reply*> next();

  static constexpr std::size_t kMaxReply = 64u * 1024 * 1024;  // bytes
  static constexpr std::size_t kMaxElements = 4096;            // of one array; Redis answers ours with three

 private:
  struct Callbacks;
  struct ReaderDeleter {
    void operator()(redisReader* reader) const;
  };

  Reply root_;  // filled in place, so that the strings of one message serve the next
  std::unique_ptr<redisReader, ReaderDeleter> reader_;
  std::size_t max_reply_;
  std::size_t pending_ = 0;  // bytes fed since the last whole reply
  bool failed_ = false;
};

/// The bytes of one command, its name first: an array of bulk strings, so any byte may occur.
Payload make_command(std::span<const std::string_view> words);
inline Payload make_command(std::initializer_list<std::string_view> words) {
  return make_command(std::span<const std::string_view>(words.begin(), words.size()));
}

}  // namespace hubgate::redis
