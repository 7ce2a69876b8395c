#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <hubgate/result.h>

#include "common/base/bytes.h"

namespace hubgate::hub {

inline constexpr char kRecordSeparator = '\x1e';

/// Cuts a byte stream into records, each ended by 0x1E: the handshake's and the JSON protocol's framing. Does no I/O
/// and keeps no bytes: the owner shows the unread input again with more behind it.
/// Source: aspnetcore docs/specs/HubProtocol.md, "JSON Encoding".
class RecordReader {
 public:
  /// In bytes with the separator; 0: no limit. SignalR's default is 32 KiB.
  explicit RecordReader(std::size_t max_record) noexcept : max_record_(max_record) {}

  /// The first whole record of `input` without its separator, or nothing while more bytes are needed. The view points
  /// into `input`; its size + 1 bytes are done with. Error kTooLarge as soon as too many bytes have come: close the
  /// connection, the stream cannot be resumed.
  Result<std::optional<std::string_view>> next(Bytes input);

 private:
  std::size_t max_record_;
  std::size_t scanned_ = 0;  // bytes at the front of the input known to hold no separator
};

}  // namespace hubgate::hub
