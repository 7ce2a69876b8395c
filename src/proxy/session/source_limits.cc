#include "proxy/session/source_limits.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <unordered_map>

#define XXH_INLINE_ALL  // headers only
#include <xxhash.h>

#include "common/net/cidr.h"

namespace hubgate::proxy {
namespace {

constexpr int kEvictionTries = 8;  // sources with open connections that are passed over in the search for a quiet one

/// Fills by `rate` a second up to `burst`.
struct Bucket {
  double tokens = 0;
  TimePoint filled{};
  bool fresh = true;

  bool take(double rate, double burst, TimePoint now) {
    if (std::exchange(fresh, false)) {
      tokens = burst;
    } else {
      tokens = std::min(burst, tokens + rate * std::chrono::duration<double>(now - filled).count());
    }
    filled = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
};

struct Key {
  std::uint64_t prefix = 0;
  int family = 0;
  friend bool operator==(const Key&, const Key&) = default;
};

// Seeded: a client that may choose its address must not choose its place in the table.
struct KeyHash {
  std::uint64_t seed;
  std::size_t operator()(const Key& key) const {
    return XXH3_64bits_withSeed(&key.prefix, sizeof key.prefix, seed + static_cast<std::uint64_t>(key.family));
  }
};

Key key_of(const net::Address& address) {
  const net::IpBytes ip = net::ip_bytes(address);
  Key key;
  key.family = ip.family;
  std::memcpy(&key.prefix, ip.bytes.data(), sizeof key.prefix);  // all of IPv4, the network of IPv6
  return key;
}

}  // namespace

std::string_view to_string(SourceRefusal refusal) noexcept {
  switch (refusal) {
    case SourceRefusal::kUntrusted: return "untrusted";
    case SourceRefusal::kProxyHeader: return "proxy_header";
    case SourceRefusal::kConnections: return "connections";
    case SourceRefusal::kConnectionRate: return "connection_rate";
    case SourceRefusal::kNegotiateRate: return "negotiate_rate";
    case SourceRefusal::kCount: break;
  }
  return "?";
}

struct SourceLimits::Table {
  struct Source {
    std::uint32_t open = 0;
    Bucket connections;
    Bucket negotiates;
    std::list<Key>::iterator place;
  };

  Table(std::uint64_t seed, std::size_t most_sources) : most(most_sources), sources(16, KeyHash{seed}) {}

  /// Null: the table is full of sources with open connections.
  Source* find(const Key& key) {
    if (const auto known = sources.find(key); known != sources.end()) {
      recent.splice(recent.begin(), recent, known->second.place);
      return &known->second;
    }
    if (sources.size() >= most && !evict()) return nullptr;
    recent.push_front(key);
    Source& source = sources[key];
    source.place = recent.begin();
    return &source;
  }
  bool evict() {
    for (int i = 0; i < kEvictionTries; ++i) {
      const auto oldest = sources.find(recent.back());
      if (oldest->second.open == 0) {
        sources.erase(oldest);
        recent.pop_back();
        return true;
      }
      recent.splice(recent.begin(), recent, oldest->second.place);
    }
    return false;
  }

  std::size_t most;
  std::unordered_map<Key, Source, KeyHash> sources;
  std::list<Key> recent;  // first the one that was heard of last
};

SourceLimits::SourceLimits(Random& random, std::size_t most_sources)
    : table_(std::make_shared<Table>(random.next(), most_sources)) {}
SourceLimits::~SourceLimits() = default;

std::size_t SourceLimits::size() const { return table_->sources.size(); }

SourceLimits::Admission SourceLimits::admit_connection(const net::Address& address, const LimitsConfig& limits,
                                                       TimePoint now) {
  Admission admission;
  if (limits.source_connections == 0 && limits.source_connection_rate == 0) return admission;
  const Key key = key_of(address);
  if (key.family == AF_UNSPEC) return admission;
  Table::Source* source = table_->find(key);
  if (source == nullptr) return admission;
  if (limits.source_connections != 0 && source->open >= limits.source_connections) {
    admission.refusal = SourceRefusal::kConnections;
  } else if (limits.source_connection_rate != 0 &&
             !source->connections.take(limits.source_connection_rate, limits.source_connection_burst, now)) {
    admission.refusal = SourceRefusal::kConnectionRate;
  } else if (limits.source_connections != 0) {
    ++source->open;
    admission.place = std::shared_ptr<void>(table_.get(), [table = std::weak_ptr(table_), key](void*) {
      const auto living = table.lock();
      if (!living) return;
      // It cannot have been evicted: it was open.
      if (const auto known = living->sources.find(key); known != living->sources.end()) --known->second.open;
    });
  }
  return admission;
}

bool SourceLimits::admit_negotiate(const net::Address& address, const LimitsConfig& limits, TimePoint now) {
  if (limits.source_negotiate_rate == 0) return true;
  const Key key = key_of(address);
  if (key.family == AF_UNSPEC) return true;
  Table::Source* source = table_->find(key);
  return source == nullptr || source->negotiates.take(limits.source_negotiate_rate, limits.source_negotiate_burst, now);
}

}  // namespace hubgate::proxy
