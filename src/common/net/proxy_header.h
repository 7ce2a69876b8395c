#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/bytes.h"
#include "common/net/address.h"

namespace hubgate::net {

/// What a PROXY header says of a connection: whose it is, and what it was made to. Both empty where the header leaves
/// that to the socket's own addresses (LOCAL, UNKNOWN, a family that is not IP).
struct ProxyHeader {
  Address client;
  Address local;
};

/// One look at the beginning of a connection.
struct ProxyHeaderStep {
  enum class Outcome { kNeedMore, kDone, kRejected };
  Outcome outcome = Outcome::kNeedMore;
  std::size_t taken = 0;  // bytes of the header; for kDone
  ProxyHeader header;     // for kDone
  std::string_view why;   // for kRejected; a fixed text
};

/// Reads a PROXY protocol header, version 1 (text) or 2 (binary), which some balancers put before a client's bytes.
/// Does no I/O and keeps nothing: `input` is all that has come so far. Strict, and never more patient than it must be:
/// kNeedMore says that every byte of `input` belongs to a header that is right up to here. Version 1 is at most 107
/// bytes, version 2 at most kMaxProxyHeader; lengths of additions (TLVs) are checked, and CRC32c where there is one.
/// Source: haproxy, doc/proxy-protocol.txt.
ProxyHeaderStep read_proxy_header(Bytes input);

inline constexpr std::size_t kMaxProxyHeader = 2048;     // bytes; a cap of our own, certificates in TLVs are smaller
inline constexpr std::size_t kMaxProxyHeaderText = 107;  // bytes of version 1, with CRLF

}  // namespace hubgate::net
