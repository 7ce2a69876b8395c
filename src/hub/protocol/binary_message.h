#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/bytes.h"

/// The framing of binary hub protocols: a length as LEB128 in front of each message.
/// Source: aspnetcore docs/specs/HubProtocol.md, "MessagePack (MsgPack) encoding".
namespace hubgate::hub {

enum class LengthStatus : std::uint8_t {
  kNeedMore,
  kComplete,
  kTooLarge,  // more than five bytes or above 2^31 - 1: the stream cannot be resumed
};

struct LengthPrefix {
  LengthStatus status = LengthStatus::kNeedMore;
  std::size_t prefix = 0;   // bytes of the prefix itself
  std::size_t message = 0;  // bytes of the message behind it, which need not all be there
};

/// Looks at the front of the stream. Longer forms than necessary are accepted, as ASP.NET Core does.
LengthPrefix read_length_prefix(Bytes input) noexcept;

/// Appends the shortest form.
void append_length_prefix(std::size_t message, std::string& out);

}  // namespace hubgate::hub
