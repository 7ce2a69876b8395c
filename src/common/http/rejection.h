#pragma once

#include <cstdint>
#include <string_view>

namespace hubgate::http {

/// Why a message is refused: one class, one answer. The connection is not usable for another message afterwards.
enum class Rejection : std::uint8_t {
  kNone,
  kRequestLine,  // no or more than one space, no version, an empty line
  kMethod,       // bytes outside token, or longer than 64
  kTarget,       // forbidden bytes, or no form of target that we know
  kPath,         // '\', a malformed triplet or %00 in the path
  kTargetTooLong,
  kVersion,           // neither HTTP/1.0 nor HTTP/1.1
  kMethodNotAllowed,  // CONNECT, TRACE
  kStatusLine,        // of a response
  kBareCr,
  kBareLf,
  kObsFold,
  kNoColon,
  kFieldName,   // empty, bytes outside token, white space before the colon
  kFieldValue,  // NUL or another control character but HTAB
  kFieldTooLarge,
  kTooManyFields,
  kHeadTooLarge,
  kHostMissing,  // or empty, on HTTP/1.1
  kHostRepeated,
  kHostInvalid,
  kHostMismatch,           // the authority of an absolute target is another one
  kContentLength,          // not 1*DIGIT, or above 2^53
  kContentLengthRepeated,  // more than one line or list element, even if equal
  kLengthAndEncoding,
  kEncodingOnHttp10,
  kTransferEncoding,  // not exactly `chunked`
  kConnectionOption,  // Connection names Host, Content-Length, Cookie or Authorization
  kExpectation,       // anything but 100-continue
  kUpgradeWithBody,   // a WebSocket offer that announces a body
  kUpgradeVersion,    // a WebSocket offer of another version, off hub paths; found by who routes
  kUpgradeKey,        // a WebSocket offer without a valid key, likewise
  kEncodedSeparator,  // %2F or %5C where routes are told apart, likewise
  kChunkSize,
  kChunkExtension,
  kChunkEnd,        // no CRLF behind a chunk's data
  kTrailer,         // an invalid trailer field
  kTooManyInterim,  // more 1xx responses than anyone needs
  kTruncated,       // the connection ended within a message
  kBodyTooLarge,
  kHeadTimeout,
  kBodyTimeout,
};
inline constexpr int kRejectionCount = static_cast<int>(Rejection::kBodyTimeout) + 1;

/// A fixed label for logs and metrics, such as "bare_lf".
std::string_view to_string(Rejection rejection) noexcept;
/// The status of the answer to a *request* that is refused so. A response that is refused becomes 502, whatever it is.
int status_of(Rejection rejection) noexcept;

}  // namespace hubgate::http
