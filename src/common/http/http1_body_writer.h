#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/http/message.h"

namespace hubgate::http {

/// Frames the body of one message as its head promised, and counts. No I/O.
class BodyWriter {
 public:
  /// `suppressed`: the head stands alone whatever it declares (answers to HEAD, 204, 304): pieces are counted, and
  /// nothing is to be sent.
  void start(BodyFraming framing, bool suppressed = false) {
    framing_ = framing;
    suppressed_ = suppressed;
  }
  /// What goes on the wire for a piece; empty when nothing does. Nothing at all: it is more than the head promised,
  /// and the connection cannot be used any longer.
  std::optional<Payload> frame(Bytes piece);
  /// The same without a copy where the framing needs none.
  std::optional<Payload> frame(Payload piece);
  /// What ends the body on the wire; empty when nothing does. Nothing at all: it is less than the head promised.
  std::optional<std::string_view> finish() const;

 private:
  bool count(std::size_t size);
  BodyFraming framing_;  // its length is what is still to come
  bool suppressed_ = false;
};

}  // namespace hubgate::http
