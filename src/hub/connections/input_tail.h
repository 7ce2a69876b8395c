#pragma once

#include <cstddef>
#include <vector>

#include "common/base/bytes.h"

namespace hubgate::hub {

/// Input that a handler has not taken yet, with readable padding behind it. Owns no memory while it is empty.
class InputTail {
 public:
  static constexpr std::size_t kPadding = 64;  // bytes

  bool empty() const { return bytes_.empty(); }
  MutableBytes bytes() { return empty() ? MutableBytes() : MutableBytes(bytes_.data(), bytes_.size() - kPadding); }

  void append(Bytes more) {
    if (more.empty()) return;
    if (!empty()) bytes_.resize(bytes_.size() - kPadding);
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    bytes_.resize(bytes_.size() + kPadding);
  }

  /// Forgets `count` bytes at the front.
  void take(std::size_t count) {
    if (count + kPadding >= bytes_.size()) {
      clear();
    } else {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }
  void clear() { std::vector<std::byte>().swap(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace hubgate::hub
