#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <sys/uio.h>

#include "common/base/bytes.h"

namespace hubgate::net {

/// Bytes that wait to be sent, as shared payloads in order; the first may have been sent in part. Empty, it owns
/// no memory.
class OutputQueue {
 public:
  void push(Payload payload);
  bool empty() const { return size_ == 0; }
  /// Bytes not yet sent.
  std::size_t size() const { return size_; }
  /// Describes the first bytes for one writev; returns how many entries of `into` were filled.
  std::size_t describe(std::span<iovec> into) const;
  /// Forgets `count` sent bytes.
  void consume(std::size_t count);
  void clear();

 private:
  std::vector<Payload> payloads_;
  std::size_t first_ = 0;   // index of the first unsent payload
  std::size_t offset_ = 0;  // bytes of it already sent
  std::size_t size_ = 0;
};

}  // namespace hubgate::net
