#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace hubgate {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Shared, immutable bytes: one allocation, a reference count in front. Copies share. The count is
/// not atomic: a Payload and all its copies stay on one thread; between threads a std::string goes.
class Payload {
 public:
  Payload() noexcept = default;
  explicit Payload(Bytes bytes) : Payload(bytes, Bytes{}) {}
  explicit Payload(std::string_view text) : Payload(as_bytes(text)) {}
  /// Holds `head` followed by `tail`, such as a frame's header and its payload.
  Payload(Bytes head, Bytes tail) {
    const std::size_t size = head.size() + tail.size();
    if (size == 0) return;
    block_ = static_cast<Block*>(::operator new(sizeof(Block) + size));
    new (block_) Block{1, static_cast<std::uint32_t>(size)};
    assert(size <= UINT32_MAX);
    if (!head.empty()) std::memcpy(data_of(block_), head.data(), head.size());
    if (!tail.empty()) std::memcpy(data_of(block_) + head.size(), tail.data(), tail.size());
  }
  Payload(const Payload& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) ++block_->references;
  }
  Payload(Payload&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Payload& operator=(Payload other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Payload() {
    if (block_ != nullptr && --block_->references == 0) ::operator delete(block_);
  }

  std::size_t size() const noexcept { return block_ == nullptr ? 0 : block_->size; }
  bool empty() const noexcept { return block_ == nullptr; }
  Bytes bytes() const noexcept { return block_ == nullptr ? Bytes{} : Bytes{data_of(block_), block_->size}; }
  std::string_view text() const noexcept { return as_text(bytes()); }
  /// True when both share the same bytes in memory (not: equal bytes).
  bool shares_with(const Payload& other) const noexcept { return block_ == other.block_; }

 private:
  struct Block {
    std::uint32_t references;
    std::uint32_t size;
  };
  static std::byte* data_of(Block* block) noexcept { return reinterpret_cast<std::byte*>(block + 1); }

  Block* block_ = nullptr;
};

}  // namespace hubgate
