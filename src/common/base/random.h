#pragma once

#include <cstdint>
#include <string>

#include "common/base/bytes.h"

namespace hubgate {

/// A source of chance, given as an argument so that tests can fix it.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes bytes) = 0;

  std::uint64_t next();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double fraction();
  /// 16 bytes as 22 characters of [A-Za-z0-9_-]: connection ids and the random part of tokens.
  std::string token();
};

/// The kernel's generator (getrandom), read in blocks; fit for secrets.
class SystemRandom final : public Random {
 public:
  void fill(MutableBytes bytes) override;

 private:
  std::byte block_[512];
  std::size_t used_ = sizeof block_;
};

/// The same numbers for the same seed: for tests only, never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(MutableBytes bytes) override;

 private:
  std::uint64_t state_;
};

}  // namespace hubgate
