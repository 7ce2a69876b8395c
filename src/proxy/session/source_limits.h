#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/net/address.h"
#include "proxy/config/proxy_config.h"

namespace hubgate::proxy {

/// Why something of a source was refused: hubgate_proxy_source_refused_total{reason}.
enum class SourceRefusal : std::uint8_t {
  kUntrusted,       // a listener with proxy_protocol, and no balancer of ours
  kProxyHeader,     // a bad PROXY header, or none in time
  kConnections,     // too many open at a time
  kConnectionRate,  // new ones too fast
  kNegotiateRate,
  kCount,
};
std::string_view to_string(SourceRefusal refusal) noexcept;

/// Counts what each source does: an IPv4 address, or an IPv6 network of 64 bits, which is one customer's. A table of a
/// fixed size; the source that was quiet for the longest makes room for a new one, and while all have connections open
/// a new one is not counted (the cap of the process holds all the same). Owned by the Proxy; one thread.
class SourceLimits {
 public:
  static constexpr std::size_t kMostSources = 32 * 1024;

  explicit SourceLimits(Random& random, std::size_t most_sources = kMostSources);
  ~SourceLimits();
  SourceLimits(const SourceLimits&) = delete;
  SourceLimits& operator=(const SourceLimits&) = delete;

  struct Admission {
    SourceRefusal refusal = SourceRefusal::kCount;  // kCount: admitted
    std::shared_ptr<void> place;  // counts until its last copy is gone; null when connections are not limited
    bool is_admitted() const { return refusal == SourceRefusal::kCount; }
  };
  /// A new connection. Limits as in force now; peers that are no IP addresses are always admitted.
  Admission admit_connection(const net::Address& source, const LimitsConfig& limits, TimePoint now);
  bool admit_negotiate(const net::Address& source, const LimitsConfig& limits, TimePoint now);

  /// Sources in the table.
  std::size_t size() const;

 private:
  struct Table;
  std::shared_ptr<Table> table_;  // places outlive us
};

}  // namespace hubgate::proxy
