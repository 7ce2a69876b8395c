#include "common/http/rejection.h"

namespace hubgate::http {

std::string_view to_string(Rejection rejection) noexcept {
  switch (rejection) {
    case Rejection::kNone: return "none";
    case Rejection::kRequestLine: return "request_line";
    case Rejection::kMethod: return "method";
    case Rejection::kTarget: return "target";
    case Rejection::kPath: return "path";
    case Rejection::kTargetTooLong: return "target_too_long";
    case Rejection::kVersion: return "version";
    case Rejection::kMethodNotAllowed: return "method_not_allowed";
    case Rejection::kStatusLine: return "status_line";
    case Rejection::kBareCr: return "bare_cr";
    case Rejection::kBareLf: return "bare_lf";
    case Rejection::kObsFold: return "obs_fold";
    case Rejection::kNoColon: return "no_colon";
    case Rejection::kFieldName: return "field_name";
    case Rejection::kFieldValue: return "field_value";
    case Rejection::kFieldTooLarge: return "field_too_large";
    case Rejection::kTooManyFields: return "too_many_fields";
    case Rejection::kHeadTooLarge: return "head_too_large";
    case Rejection::kHostMissing: return "host_missing";
    case Rejection::kHostRepeated: return "host_repeated";
    case Rejection::kHostInvalid: return "host_invalid";
    case Rejection::kHostMismatch: return "host_mismatch";
    case Rejection::kContentLength: return "content_length";
    case Rejection::kContentLengthRepeated: return "content_length_repeated";
    case Rejection::kLengthAndEncoding: return "length_and_encoding";
    case Rejection::kEncodingOnHttp10: return "encoding_on_http10";
    case Rejection::kTransferEncoding: return "transfer_encoding";
    case Rejection::kConnectionOption: return "connection_option";
    case Rejection::kExpectation: return "expectation";
    case Rejection::kUpgradeWithBody: return "upgrade_with_body";
    case Rejection::kUpgradeVersion: return "upgrade_version";
    case Rejection::kUpgradeKey: return "upgrade_key";
    case Rejection::kEncodedSeparator: return "encoded_separator";
    case Rejection::kChunkSize: return "chunk_size";
    case Rejection::kChunkExtension: return "chunk_extension";
    case Rejection::kChunkEnd: return "chunk_end";
    case Rejection::kTrailer: return "trailer";
    case Rejection::kTooManyInterim: return "too_many_interim";
    case Rejection::kTruncated: return "truncated";
    case Rejection::kBodyTooLarge: return "body_too_large";
    case Rejection::kHeadTimeout: return "head_timeout";
    case Rejection::kBodyTimeout: return "body_timeout";
  }
  return "?";
}

int status_of(Rejection rejection) noexcept {
  switch (rejection) {
    case Rejection::kMethodNotAllowed: return 405;
    case Rejection::kHeadTimeout:
    case Rejection::kBodyTimeout: return 408;
    case Rejection::kBodyTooLarge: return 413;
    case Rejection::kTargetTooLong: return 414;
    case Rejection::kExpectation: return 417;
    case Rejection::kFieldTooLarge:
    case Rejection::kTooManyFields:
    case Rejection::kHeadTooLarge: return 431;
    case Rejection::kUpgradeVersion: return 426;
    case Rejection::kTransferEncoding: return 501;
    case Rejection::kVersion: return 505;
    default: return 400;
  }
}

}  // namespace hubgate::http
