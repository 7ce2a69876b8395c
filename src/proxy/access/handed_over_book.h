#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/control/worker_messages.h"
#include "proxy/access/access_log.h"
#include "proxy/access/websocket_facts.h"

namespace hubgate::proxy {

/// Remembers which connections were handed over, while the access log is on: it writes their opening when the worker
/// has taken them, and their end when the worker reports it or dies. What it does not know (handed over by a proxy
/// before this one, or before the log was switched on) is told from the worker's report alone. Counts ends either way.
/// Owned by the Proxy; the loop's thread.
///
/// A worker's acknowledgement and its report of the end come on two links, in any order.
class HandedOverBook {
 public:
  explicit HandedOverBook(AccessLog& log) : log_(log) {}

  /// A socket was sent to a worker.
  void given(WebSocketFacts facts);
  /// The worker has it: writes the opening; `opening` has what only the caller knows (times, query).
  void taken(EndpointKey endpoint, const std::string& request_id, const AccessRecord& opening);
  /// The worker does not have it, and will not.
  void returned(EndpointKey endpoint, const std::string& request_id);
  /// A worker's report of one end. `pool` and `name` are its own.
  void closed(EndpointKey endpoint, std::string_view pool, std::string_view name, const control::ClosedRecord& report);
  /// That worker has died, and the `living` handed-over connections that it still had have ended.
  void died(EndpointKey endpoint, std::uint64_t living);

  std::size_t size() const;

  const ClosingCounts& closings() const { return closings_; }

 private:
  struct Entry {
    WebSocketFacts facts;
    bool taken = false;
    std::optional<control::ClosedRecord> ended{};  // its report came before the acknowledgement
  };
  using Entries = std::unordered_map<std::string, Entry>;
  void write_end(const Entry& entry, const control::ClosedRecord& report);

  AccessLog& log_;
  std::map<EndpointKey, Entries> entries_;  // by request id
  ClosingCounts closings_;
};

}  // namespace hubgate::proxy
