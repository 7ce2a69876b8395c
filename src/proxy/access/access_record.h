#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/access/termination_reason.h"
#include "proxy/routing/affinity_tag.h"

namespace hubgate::proxy {

/// What was done with what a token said: field `action`.
enum class AffinityAction : std::uint8_t {
  kNone,      // no pool was asked for
  kChosen,    // an endpoint was chosen by the pool's policy
  kBound,     // the endpoint of the token got it
  kRerouted,  // the token's is unknown or gone: another endpoint was asked
  kRefused,   // no endpoint got it
};
std::string_view to_string(AffinityAction action) noexcept;

/// One line of the access log: an HTTP exchange, or the opening or the end of a WebSocket, which has both. Views live
/// as long as the call that is given them. Holds no secret: of a query only the names are shown.
struct AccessRecord {
  enum class Kind : std::uint8_t { kHttp, kWebSocketOpened, kWebSocketClosed };
  enum class Way : std::uint8_t { kNone, kTunnel, kHandover };

  Kind kind = Kind::kHttp;
  Way way = Way::kNone;
  std::chrono::system_clock::time_point time{};  // when it was over, or the WebSocket open

  std::string_view request_id;
  std::string_view client;  // "ip:port", "unix:"
  std::string_view listener;
  bool tls = false;
  std::string_view method;
  std::string_view path;   // normalised
  std::string_view query;  // as it came; only the names of its keys are shown
  int status = 0;          // of the answer; 0: none
  TerminationReason reason = TerminationReason::kCompleted;
  ClosedBy by = ClosedBy::kEndpoint;  // who ended it
  std::string_view detail;            // the class of a rejected request

  std::string_view route;  // its prefix
  std::string_view pool;
  std::string_view endpoint;
  std::uint32_t generation = 0;  // 0: remote, or none
  std::uint64_t revision = 0;    // of the configuration that routed it; 0: not known
  Affinity affinity = Affinity::kNone;
  AffinityAction action = AffinityAction::kNone;
  std::uint32_t retries = 0;

  std::uint64_t bytes_in = 0;  // from the client; of an exchange: of the body
  std::uint64_t bytes_out = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint16_t close_code = 0;  // of the Close frame that came first; 0: none

  // Times; negative: that far it did not come.
  std::chrono::microseconds waited{-1};     // for an endpoint, from the head on
  std::chrono::microseconds connected{-1};  // from there to a connection, or to the worker's word
  std::chrono::microseconds answered{-1};   // from there to the answer's head
  std::chrono::microseconds total{-1};      // from the head, or from the opening, to the end
};

/// Appends one JSON object, without a newline. All of it is ASCII. Fields that say nothing are left out.
void append_json(std::string& out, const AccessRecord& record);
/// Appends one line for people and line-cutting tools: fixed fields first, '-' where there is nothing.
void append_text(std::string& out, const AccessRecord& record);

/// The names of a query's keys, joined by ',': "id,access_token". Undecoded; what is no plain word is shown as '?'.
std::string query_names(std::string_view query);

}  // namespace hubgate::proxy
