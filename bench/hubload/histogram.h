#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace hubload {

/// Times in microseconds, in buckets of at most 1/32 relative width.
class Histogram {
 public:
  void add(std::uint64_t microseconds) {
    ++counts_[index(microseconds)];
    ++total_;
  }
  std::uint64_t count() const { return total_; }
  /// The time that `share` (0…1) of the samples do not exceed.
  std::uint64_t percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return value(i);
    }
    return total_ == 0 ? 0 : value(counts_.size() - 1);
  }

 private:
  static constexpr unsigned kBits = 5;
  static std::size_t index(std::uint64_t v) {
    if (v < (1U << kBits)) return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - kBits - 1;
    const std::size_t at = (static_cast<std::size_t>(shift) << kBits) + static_cast<std::size_t>(v >> shift);
    return at < kSize ? at : kSize - 1;
  }
  static std::uint64_t value(std::size_t i) {
    if (i < (1U << kBits)) return i;
    const std::size_t shift = (i >> kBits) - 1;
    return ((i & ((1U << kBits) - 1)) + (1U << kBits)) << shift;
  }
  static constexpr std::size_t kSize = 40 << kBits;
  std::array<std::uint64_t, kSize> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace hubload
