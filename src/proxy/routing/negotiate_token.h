#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <hubgate/result.h>

namespace hubgate::proxy {

/// Where the connection token is in the body of a 200 to a negotiate: the place in `json` behind its opening quote, so
/// that a tag can be put before it and every other byte stays. Nothing when there is none to tag: a redirect (a `url`),
/// an error, an answer without a token.
///
/// By `negotiateVersion`, as clients do it: from 1 on `connectionToken`, else `connectionId`, which is both then. Only
/// members of the outermost object count, by their decoded names.
///
/// Error kInvalid: not one JSON object (RFC 8259, at most kMostDepth deep), or one that two readers may read
/// differently: a member that matters here is there twice, or is of a kind that clients do not agree on. Does no I/O.
/// Source: aspnetcore docs/specs/TransportProtocols.md, "POST endpoint-base/negotiate request".
Result<std::optional<std::size_t>> find_negotiate_token(std::string_view json);

/// A query without the tag that begins the value of its `id`: without the first `length` characters of the decoded
/// value, however they are encoded; every other byte stays. The key is compared as http::query_values does it. The
/// query as it is when there is no such key, or its value is shorter.
std::string without_tag(std::string_view query, std::size_t length);

}  // namespace hubgate::proxy
