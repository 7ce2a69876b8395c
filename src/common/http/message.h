#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/http/headers.h"
#include "common/http/uri.h"

namespace hubgate::http {

/// How the end of a message's body is found.
enum class BodyKind : std::uint8_t {
  kNone,        // there is no body, and no Content-Length was given
  kLength,      // `length` bytes; 0 is allowed
  kChunked,     // chunks, ended by the last one
  kUntilClose,  // responses only: ended by the connection's end
};

/// The framing of a body as its head declares it. What a head declares need not follow: never after a response to
/// HEAD, 1xx, 204 and 304.
struct BodyFraming {
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;  // bytes; for kLength only

  static constexpr BodyFraming none() { return {}; }
  static constexpr BodyFraming of_length(std::uint64_t length) { return {BodyKind::kLength, length}; }
  static constexpr BodyFraming chunked() { return {BodyKind::kChunked, 0}; }
  static constexpr BodyFraming until_close() { return {BodyKind::kUntilClose, 0}; }
  bool is_empty() const { return kind == BodyKind::kNone || (kind == BodyKind::kLength && length == 0); }
  friend bool operator==(const BodyFraming&, const BodyFraming&) = default;
};

/// What a request asks of `Upgrade`. A WebSocket offer that announces a body never gets here: the reader answers 400.
enum class UpgradeOffer : std::uint8_t {
  kNone,
  kWebSocket,   // GET, HTTP/1.1, Upgrade: websocket, Connection: upgrade, a valid key, version 13, no body
  kBadVersion,  // the same, but the version is missing or not 13: 426 with Sec-WebSocket-Version: 13 off hub paths
  kBadKey,      // the same, but the key is missing, doubled or not 16 bytes of base64: 400 off hub paths
  kOther,       // any other offer: loses Upgrade and HTTP2-Settings and is served as ordinary HTTP
};

/// Well formed or not: what comes behind such a head is meant as WebSocket, so it is never read as a request.
constexpr bool offers_websocket(UpgradeOffer offer) noexcept {
  return offer != UpgradeOffer::kNone && offer != UpgradeOffer::kOther;
}

/// The head of a request. The fields that frame the body and rule the connection (Content-Length, Transfer-Encoding,
/// Connection, Keep-Alive, Proxy-Connection) are read into `body`, `keep_alive` and `upgrade`; they stay in `headers`
/// for who wants to look, but the writer makes them anew from these members and passes none of them on.
struct RequestHead {
  std::string method;              // as it came; methods have case
  std::string target;              // origin form, "/path?query", or "*"; the reader reduces absolute form to it,
                                   // and makes its authority the Host when HTTP/1.0 has none
  std::uint8_t minor_version = 1;  // HTTP/1.0 or 1.1
  bool keep_alive = true;          // the peer wants another exchange after this one
  bool expects_continue = false;   // Expect: 100-continue, on HTTP/1.1 only
  UpgradeOffer upgrade = UpgradeOffer::kNone;
  BodyFraming body;
  Headers headers;

  bool is_head() const { return method == "HEAD"; }
  std::string_view path() const { return split_target(target).path; }
  std::string_view query() const { return split_target(target).query; }  // without '?'
  std::string_view host() const { return headers.get("Host"); }
};

/// The head of a response; for the framing fields the same holds as for a request.
struct ResponseHead {
  int status = 200;
  std::string reason;              // "" is written as the usual phrase
  std::uint8_t minor_version = 1;  // of a response that was read
  bool keep_alive = true;
  BodyFraming body;
  Headers headers;

  bool is_interim() const { return status >= 100 && status < 200 && status != 101; }
};

}  // namespace hubgate::http
