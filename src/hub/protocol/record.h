#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <hubgate/result.h>

#include "common/base/bytes.h"

namespace hubgate::hub {

inline constexpr char kRecordSeparator = '\x1e';

/// The first record of a byte stream, ended by 0x1E: the handshake's and the JSON protocol's framing. Nothing while
/// more bytes are needed; the owner shows the unread input again with more behind it. The view points into `input`,
/// without the separator; its size + 1 bytes are done with.
///
/// `max_record` counts the separator; 0: no limit. Error kTooLarge as soon as too many bytes have come: close the
/// connection, the stream cannot be resumed. `scanned` is the owner's note of how much was looked at in vain, 0 at
/// first. Source: aspnetcore docs/specs/HubProtocol.md, "JSON Encoding".
Result<std::optional<std::string_view>> cut_record(Bytes input, std::size_t max_record, std::size_t& scanned);

}  // namespace hubgate::hub
