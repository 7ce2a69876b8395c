#include "hub/connections/negotiate.h"

#include <charconv>
#include <optional>
#include <vector>

#include "common/base/ascii.h"
#include "common/http/uri.h"

namespace hubgate::hub {
namespace {

/// All values of a key as one text, as ASP.NET Core reads a repeated key; nothing when there is none.
std::optional<std::string> joined_values(std::string_view query, std::string_view key) {
  const std::vector<std::string> values = http::query_values(query, key);
  if (values.empty()) return std::nullopt;
  std::string joined = values.front();
  for (std::size_t i = 1; i < values.size(); ++i) joined += "," + values[i];
  return joined;
}

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

std::string_view without_white_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

/// A 32-bit integer as .NET parses one: white space around it and a leading sign are accepted.
std::optional<int> parse_integer(std::string_view text) {
  text = without_white_space(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::variant<Negotiation, NegotiateRefusal> read_negotiate_query(std::string_view query,
                                                                 const NegotiateOptions& options) {
  Negotiation negotiation;
  if (const auto text = joined_values(query, "negotiateVersion")) {
    const std::optional<int> version = parse_integer(*text);
    if (!version) return NegotiateRefusal{"The client requested a non-integer protocol version."};
    negotiation.version = *version;
  }
  if (negotiation.version < options.minimum_version) {
    return NegotiateRefusal{"The client requested version '" + std::to_string(negotiation.version) +
                            "', but the server does not support this version."};
  }
  if (negotiation.version > 1) negotiation.version = 1;
  if (options.allow_stateful_reconnects) {
    const auto wanted = joined_values(query, "useStatefulReconnect");
    negotiation.stateful_reconnect = wanted && equals_ignoring_case(without_white_space(*wanted), "true");
  }
  return negotiation;
}

std::string negotiate_body(const Negotiation& negotiation, const TransportList& transports, std::string_view id,
                           std::string_view token) {
  std::string body = "{";
  body.reserve(384);
  if (negotiation.stateful_reconnect) body += "\"useStatefulReconnect\":true,";
  body += "\"negotiateVersion\":" + std::to_string(negotiation.version) + ",\"connectionId\":\"";
  body += id;
  if (!negotiation.is_version_0()) {
    body += "\",\"connectionToken\":\"";
    body += token;
  }
  body += "\",\"availableTransports\":[";
  const std::size_t start = body.size();
  const auto add = [&](bool offered, std::string_view entry) {
    if (!offered) return;
    if (body.size() > start) body += ',';
    body += entry;
  };
  add(transports.websockets, R"({"transport":"WebSockets","transferFormats":["Text","Binary"]})");
  add(transports.server_sent_events, R"({"transport":"ServerSentEvents","transferFormats":["Text"]})");
  add(transports.long_polling, R"({"transport":"LongPolling","transferFormats":["Text","Binary"]})");
  body += "]}";
  return body;
}

std::string negotiate_body(const NegotiateRefusal& refusal) {
  // The texts are our own and need no escaping; ASP.NET Core leaves their apostrophes as they are, too.
  return "{\"error\":\"" + refusal.error + "\"}";
}

}  // namespace hubgate::hub
