#include "proxy/routing/affinity_tag.h"

#include <algorithm>

#include "common/base/base64.h"
#include "common/base/digest.h"
#include "common/http/uri.h"

namespace hubgate::proxy {
namespace {

constexpr std::byte kVersion{1};
constexpr std::size_t kSigned = 10;  // bytes under the MAC: version, key id, endpoint, generation
constexpr std::size_t kMac = 8;      // bytes

using Signed = std::array<std::byte, kSigned>;

void put_u32(std::span<std::byte, 4> into, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) into[i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

std::uint32_t get_u32(Bytes from) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(from[i]);
  return value;
}

std::uint32_t first_u32(const Sha256& digest) { return get_u32(Bytes(digest).first(4)); }

}  // namespace

std::uint32_t endpoint_id_of_slot(std::string_view node_id, std::string_view pool, std::uint32_t slot) {
  const std::string decimal = std::to_string(slot);
  const std::byte zero[1] = {};
  return first_u32(sha256({as_bytes(node_id), zero, as_bytes(pool), zero, as_bytes(decimal)}));
}

std::uint32_t endpoint_id_of_remote(std::string_view pool, std::string_view name) {
  const std::byte zero[1] = {};
  return first_u32(sha256({as_bytes(pool), zero, as_bytes(name)}));
}

std::string AffinityTag::make(const AffinityKeys::Key& key, EndpointKey of) {
  std::array<std::byte, kSigned + kMac> tag{};
  tag[0] = kVersion;
  tag[1] = static_cast<std::byte>(key.id);
  put_u32(std::span<std::byte, 4>(tag.data() + 2, 4), of.endpoint);
  put_u32(std::span<std::byte, 4>(tag.data() + 6, 4), of.generation);
  const Sha256 mac = hmac_sha256(key.secret, {Bytes(tag).first(kSigned)});
  std::copy_n(mac.begin(), kMac, tag.begin() + kSigned);
  return base64url_encode(tag);
}

bool AffinityTag::verify(std::string_view tag, const AffinityKeys::Key& key, EndpointKey& of) {
  if (tag.size() != kLength) return false;
  const auto bytes = base64url_decode(tag);
  if (!bytes || bytes->size() != kSigned + kMac) return false;
  const Bytes all(*bytes);
  if (all[0] != kVersion || all[1] != static_cast<std::byte>(key.id)) return false;
  const Sha256 mac = hmac_sha256(key.secret, {all.first(kSigned)});
  if (!equals_in_constant_time(Bytes(mac).first(kMac), all.subspan(kSigned))) return false;
  of.endpoint = get_u32(all.subspan(2, 4));
  of.generation = get_u32(all.subspan(6, 4));
  return true;
}

std::string_view to_string(Affinity verdict) noexcept {
  switch (verdict) {
    case Affinity::kFound: return "found";
    case Affinity::kNone: return "none";
    case Affinity::kUnknown: return "unknown";
    case Affinity::kGone: return "gone";
  }
  return "";
}

std::string AffinityTable::add(EndpointKey endpoint) {
  for (const AffinityKeys::Key& key : keys_.ring())
    living_.insert_or_assign(AffinityTag::make(key, endpoint), endpoint);
  return tag(endpoint);
}

void AffinityTable::remove(EndpointKey endpoint) {
  for (const AffinityKeys::Key& key : keys_.ring()) living_.erase(AffinityTag::make(key, endpoint));
}

AffinityTable::Verdict AffinityTable::find(std::string_view token) const {
  if (token.empty()) return {};
  const std::string_view tag = token.substr(0, AffinityTag::kLength);
  if (const auto place = living_.find(tag); place != living_.end()) return {Affinity::kFound, place->second};
  // The MAC only decides what is logged: both go to any endpoint of the pool.
  for (const AffinityKeys::Key& key : keys_.ring()) {
    EndpointKey of;
    if (AffinityTag::verify(tag, key, of)) return {Affinity::kGone, of};
  }
  return {Affinity::kUnknown, {}};
}

AffinityTable::Verdict AffinityTable::find_in_query(std::string_view query) const {
  if (query.empty()) return {};
  const std::vector<std::string> ids = http::query_values(query, "id");
  if (ids.empty()) return {};
  if (ids.size() > 1) return {Affinity::kUnknown, {}};
  return find(ids.front());
}

}  // namespace hubgate::proxy
