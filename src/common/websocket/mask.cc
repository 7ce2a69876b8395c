#include "common/websocket/mask.h"

#include <cstdint>
#include <cstring>

// One clone for the machine that builds and one for AVX2, chosen when the program starts. GCC only: clang 14 has no
// target_clones for C++, and the choice runs before a sanitizer's runtime is ready.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define HUBGATE_CLONES __attribute__((target_clones("default", "avx2")))
#else
#define HUBGATE_CLONES
#endif

namespace hubgate::websocket {
namespace {

HUBGATE_CLONES void apply_words(std::byte* data, std::size_t words, std::uint64_t mask) noexcept {
  for (std::size_t i = 0; i < words; ++i) {
    std::uint64_t word;
    std::memcpy(&word, data + i * 8, 8);
    word ^= mask;
    std::memcpy(data + i * 8, &word, 8);
  }
}

}  // namespace

void apply_mask(MutableBytes payload, const Mask& mask, std::size_t offset) noexcept {
  std::byte repeated[8];
  for (std::size_t i = 0; i < sizeof repeated; ++i) repeated[i] = mask[(offset + i) % 4];
  std::uint64_t word;
  std::memcpy(&word, repeated, sizeof word);
  const std::size_t words = payload.size() / 8;
  apply_words(payload.data(), words, word);
  for (std::size_t i = words * 8; i < payload.size(); ++i) payload[i] ^= repeated[i % 8];
}

}  // namespace hubgate::websocket
