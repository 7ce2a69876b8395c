#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hubgate/result.h>

#include "common/base/bytes.h"
#include "common/base/random.h"

namespace hubgate::proxy {

/// One endpoint in one life. `generation` is the start time in seconds of a local worker, 0 for remote endpoints.
struct EndpointKey {
  std::uint32_t endpoint = 0;
  std::uint32_t generation = 0;

  friend auto operator<=>(const EndpointKey&, const EndpointKey&) = default;
};

/// The endpoint id of a local slot: the same at every start of this gateway, another at every other gateway.
std::uint32_t endpoint_id_of_slot(std::string_view node_id, std::string_view pool, std::uint32_t slot);
/// The endpoint id of a remote endpoint: the same at every gateway that has it in a pool of that name.
std::uint32_t endpoint_id_of_remote(std::string_view pool, std::string_view name);

/// The secrets of affinity, files of the state directory: `affinity.keys` (a ring of two keys, the first signs, both
/// are believed; may be copied to other gateways) and `node_id` (64 random bits in hex; never copied). Both 0600,
/// both made at the first start.
class AffinityKeys {
 public:
  struct Key {
    std::uint8_t id = 0;
    std::array<std::byte, 32> secret{};
  };

  /// Reads or makes both files. Errors: kSystem, kInvalid, with the file and a remedy in `what`.
  static Result<AffinityKeys> load_or_make(const std::string& state_dir, Random& random);
  /// Only the node id, only if it is there: for checks that must not write. Empty when there is none.
  static std::string read_node_id(const std::string& state_dir);
  AffinityKeys(std::vector<Key> ring, std::string node_id);

  const std::vector<Key>& ring() const { return ring_; }
  const std::string& node_id() const { return node_id_; }

 private:
  std::vector<Key> ring_;
  std::string node_id_;
};

/// The routing part of a connection token (architecture, "The connection token"): 18 bytes, in base64url 24
/// characters. version (1), key id (1), endpoint (4), generation (4), MAC (8: HMAC-SHA256 of the ten before, cut).
struct AffinityTag {
  static constexpr std::size_t kLength = 24;  // characters
  static std::string make(const AffinityKeys::Key& key, EndpointKey of);
  /// True when `tag` was made with `key`; `of` is set then.
  static bool verify(std::string_view tag, const AffinityKeys::Key& key, EndpointKey& of);
};

/// Where the token of a request leads.
enum class Affinity : std::uint8_t {
  kFound,    // the endpoint lives in that generation
  kNone,     // no id: nothing binds the request
  kUnknown,  // no token of ours, or several
  kGone,     // ours, but that generation has ended
};
std::string_view to_string(Affinity verdict) noexcept;

/// The living endpoints by their tags, one entry per endpoint, generation and key. One thread.
class AffinityTable {
 public:
  explicit AffinityTable(AffinityKeys keys) : keys_(std::move(keys)) {}

  /// Adds a living endpoint; returns the tag for its Welcome, 24 characters.
  std::string add(EndpointKey endpoint);
  void remove(EndpointKey endpoint);
  /// What its tokens begin with, as add() says it.
  std::string tag(EndpointKey endpoint) const { return AffinityTag::make(keys_.ring().front(), endpoint); }

  struct Verdict {
    Affinity affinity = Affinity::kNone;
    EndpointKey endpoint;  // for kFound
  };
  /// Looks a token up: its first 24 characters count. Empty: kNone. Whether the endpoint belongs to the matched
  /// route's pool is the caller's to check: one that does not is kUnknown.
  Verdict find(std::string_view token) const;
  /// Looks up the `id` of a raw query ("id=…&access_token=…"): the key is compared without case, the value decoded
  /// once. No id, or an empty one: kNone; several ids, or one that cannot be decoded: kUnknown.
  Verdict find_in_query(std::string_view query) const;

  const AffinityKeys& keys() const { return keys_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  AffinityKeys keys_;
  std::unordered_map<std::string, EndpointKey, Hash, std::equal_to<>> living_;
};

}  // namespace hubgate::proxy
