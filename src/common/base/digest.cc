#include "common/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace hubgate {
namespace {

struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched once: an implicit fetch at each use costs several times the digest itself.
const EVP_MD* fetched(const char* name) {
  EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
  if (digest == nullptr) std::abort();  // a libcrypto without SHA cannot run anything of ours
  return digest;
}

template <std::size_t N>
std::array<std::byte, N> digest_of(const EVP_MD* digest, std::initializer_list<Bytes> parts) {
  thread_local const std::unique_ptr<EVP_MD_CTX, ContextFree> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex2(context.get(), digest, nullptr);
  for (const Bytes part : parts) EVP_DigestUpdate(context.get(), part.data(), part.size());
  std::array<std::byte, N> result{};
  EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(result.data()), nullptr);
  return result;
}

}  // namespace

Sha1 sha1(std::initializer_list<Bytes> parts) {
  static const EVP_MD* const digest = fetched("SHA1");
  return digest_of<20>(digest, parts);
}

Sha256 sha256(std::initializer_list<Bytes> parts) {
  static const EVP_MD* const digest = fetched("SHA256");
  return digest_of<32>(digest, parts);
}

Sha256 hmac_sha256(Bytes key, std::initializer_list<Bytes> parts) {
  // RFC 2104 over the digest above: libcrypto's one-shot HMAC is five times slower.
  constexpr std::size_t kBlock = 64;
  std::array<std::byte, kBlock> inner{};
  std::array<std::byte, kBlock> outer{};
  Sha256 hashed{};
  if (key.size() > kBlock) {
    hashed = sha256({key});
    key = hashed;
  }
  for (std::size_t i = 0; i < kBlock; ++i) {
    const std::byte k = i < key.size() ? key[i] : std::byte{0};
    inner[i] = k ^ std::byte{0x36};
    outer[i] = k ^ std::byte{0x5c};
  }
  static const EVP_MD* const digest = fetched("SHA256");
  const std::unique_ptr<EVP_MD_CTX, ContextFree> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex2(context.get(), digest, nullptr);
  EVP_DigestUpdate(context.get(), inner.data(), inner.size());
  for (const Bytes part : parts) EVP_DigestUpdate(context.get(), part.data(), part.size());
  Sha256 first{};
  EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(first.data()), nullptr);
  return sha256({outer, first});
}

bool equals_in_constant_time(Bytes a, Bytes b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hubgate
