#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubgate::http {

/// A request target cut at its first '?'. Views into the target.
struct SplitTarget {
  std::string_view path;
  std::string_view query;  // without '?'
  bool has_query = false;  // "/x?" has one, an empty one
};
SplitTarget split_target(std::string_view target) noexcept;

/// Decodes %XX once; nothing when a triplet is malformed. '+' stays.
std::optional<std::string> percent_decode(std::string_view text);

/// A path as router and worker both see it: triplets of unreserved characters decoded, others with upper-case digits,
/// dot segments removed; slashes are never merged.
struct NormalisedPath {
  std::string text;
  /// Where in `text` the first %2F or %5C is; npos when there is none.
  std::size_t encoded_separator = std::string::npos;
};
/// Nothing when the path does not begin with '/', holds '\', a malformed triplet or %00: 400.
std::optional<NormalisedPath> normalise_path(std::string_view path);

/// A normalised path as somebody sees it who takes %2F and %5C for slashes, normalised again. Where it would be routed
/// otherwise, the path is not to be passed on.
std::string with_separators_decoded(std::string_view path);

/// Every value of a query key, in order, each decoded once as forms are ('+' is a space; a malformed triplet stays as
/// it is). Keys are decoded too and compared without case, as ASP.NET Core does.
std::vector<std::string> query_values(std::string_view query, std::string_view key);
/// The first of them.
std::optional<std::string> query_value(std::string_view query, std::string_view key);

/// Whether the text may be a Host field: name, IPv4 or [IPv6], with an optional port; no user part. "" may not.
bool is_valid_host(std::string_view host) noexcept;

}  // namespace hubgate::http
