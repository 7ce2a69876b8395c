#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace hubgate::hub {

/// The transports that an endpoint offers; clients try them in SignalR's order, which is this one.
struct TransportList {
  bool websockets = true;
  bool server_sent_events = false;
  bool long_polling = false;
};

/// What an endpoint allows in a negotiation.
struct NegotiateOptions {
  TransportList transports;
  int minimum_version = 0;  // MinimumProtocolVersion; may be negative
  bool allow_stateful_reconnects = false;
};

/// What a client asked for, and gets.
struct Negotiation {
  int version = 0;  // 1 at most; what is below 1 is treated as 0 and echoed
  bool stateful_reconnect = false;

  /// One value serves as id and token.
  bool is_version_0() const { return version < 1; }
};

/// A refusal, which is sent as the answer's body with status 200; no connection is made.
struct NegotiateRefusal {
  std::string error;
};

/// Reads the query of a negotiate request.
std::variant<Negotiation, NegotiateRefusal> read_negotiate_query(std::string_view query,
                                                                 const NegotiateOptions& options);

/// The JSON body of an answer. `token` is left out for version 0. Ids and tokens are of [A-Za-z0-9_-].
std::string negotiate_body(const Negotiation& negotiation, const TransportList& transports, std::string_view id,
                           std::string_view token);
std::string negotiate_body(const NegotiateRefusal& refusal);

}  // namespace hubgate::hub
