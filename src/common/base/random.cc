#include "common/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "common/base/base64.h"

namespace hubgate {

std::uint64_t Random::next() {
  std::uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // above it the remainder is not uniform
  std::uint64_t value = next();
  while (value >= limit) value = next();
  return value % bound;
}

double Random::fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::string Random::token() {
  std::array<std::byte, 16> bytes{};
  fill(bytes);
  return base64url_encode(bytes);
}

void SystemRandom::fill(MutableBytes bytes) {
  while (!bytes.empty()) {
    if (used_ == sizeof block_) {
      std::size_t got = 0;
      while (got < sizeof block_) {
        const ssize_t n = getrandom(block_ + got, sizeof block_ - got, 0);
        if (n < 0 && errno != EINTR) std::abort();  // going on would make guessable tokens
        if (n > 0) got += static_cast<std::size_t>(n);
      }
      used_ = 0;
    }
    const std::size_t count = std::min(bytes.size(), sizeof block_ - used_);
    std::copy_n(block_ + used_, count, bytes.begin());
    std::fill_n(block_ + used_, count, std::byte{0});
    used_ += count;
    bytes = bytes.subspan(count);
  }
}

void SeededRandom::fill(MutableBytes bytes) {
  for (std::byte& out : bytes) {
    state_ += 0x9e3779b97f4a7c15U;  // splitmix64
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    out = static_cast<std::byte>(z >> 56);
  }
}

}  // namespace hubgate
