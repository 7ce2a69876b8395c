#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

namespace hubgate::hub {

/// Whole messages, as they came, that wait for a call to end; in order, in one piece of memory.
class WaitingLine {
 public:
  bool empty() const { return begin_ == bytes_.size(); }
  /// Bytes that wait.
  std::size_t size() const { return bytes_.size() - begin_; }
  /// The waiting bytes, the next message in front. They stay where they are until append() or release().
  Bytes bytes() const { return as_bytes(std::string_view(bytes_).substr(begin_)); }

  void append(Bytes message) {
    if (begin_ > bytes_.size() / 2) {
      bytes_.erase(0, begin_);
      begin_ = 0;
    }
    bytes_.append(as_text(message));
  }
  /// Passes over `count` bytes from the front.
  void pop(std::size_t count) { begin_ += count; }
  /// Passes over everything; the bytes stay in memory until release(), since a call may look at them.
  void clear() { begin_ = bytes_.size(); }
  void release() {
    bytes_ = std::string();
    begin_ = 0;
  }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

}  // namespace hubgate::hub
