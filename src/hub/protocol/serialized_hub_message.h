#pragma once

#include <array>
#include <forward_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/bytes.h"
#include "hub/protocol/hub_protocol.h"

namespace hubgate::hub {

/// A message as one protocol has it, and as transports send it: slot 0 is a WebSocket frame, slot 1 an event of an
/// event stream; a transport fills its slot once, all receivers share it.
struct EncodedMessage {
  Payload bytes;
  mutable Payload transport_forms[2] = {};
};

/// One message for many receivers: encoded once per protocol, when the first receiver of that protocol comes. What JSON
/// cannot carry (NaN, infinities) is null there. Lives on one loop, usually on the stack of one send.
class SerializedHubMessage {
 public:
  struct Entry {
    std::string_view protocol;
    std::string_view bytes;  // framed; several messages one after the other are allowed
  };

  /// Encodes when asked. What the view shows must outlive this object.
  explicit SerializedHubMessage(const InvocationView& invocation) noexcept : invocation_(invocation) {}
  /// From bytes that are ready, of a backplane. Bytes are copied, once. A protocol that has no entry gets one by
  /// decoding another's and encoding it anew.
  explicit SerializedHubMessage(std::span<const Entry> ready);
  SerializedHubMessage(const SerializedHubMessage&) = delete;
  SerializedHubMessage& operator=(const SerializedHubMessage&) = delete;

  /// The reference lives as long as this object. nullptr: the message cannot be had in this protocol; the connection
  /// that asked has to be closed.
  const EncodedMessage* for_protocol(const HubProtocol& protocol) const;

  /// How many protocols were served by decoding another's bytes; for hubgate_hub_transcoded_total.
  int transcoded() const noexcept { return transcoded_; }

 private:
  struct Encoding {
    std::string protocol;
    EncodedMessage message;
    bool failed = false;
  };

  Encoding& add(std::string_view protocol) const;
  bool transcode(const HubProtocol& protocol, Payload& bytes) const;

  InvocationView invocation_;
  bool from_bytes_ = false;
  mutable std::array<Encoding, 2> first_;  // room for json and messagepack without another allocation
  mutable std::size_t count_ = 0;
  mutable std::forward_list<Encoding> more_;
  mutable int transcoded_ = 0;
};

}  // namespace hubgate::hub
