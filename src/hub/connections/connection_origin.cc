#include "hub/connections/connection_origin.h"

#include <utility>

#include "common/base/ascii.h"

namespace hubgate::hub {

ConnectionOrigin origin_of(const http::RequestHead& head, const ConnectionOrigin& connection) {
  ConnectionOrigin origin = connection;
  if (!connection.is_relayed) return origin;
  // The relayed connection's own: what comes on it was not handed over, and the proxy sees its end itself.
  origin.epoch = 0;
  origin.number = 0;
  std::string_view rest = head.headers.get(kOriginHeader);
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    const std::string_view part = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(equals + 1);
    if (name == "client") origin.remote_address = value == "unix" ? "unix:" : std::string(value);
    if (name == "local") origin.local_address = value;
    if (name == "id") origin.request_id = value;
  }
  return origin;
}

RequestFacts facts_of(http::RequestHead& head, const ConnectionOrigin& origin) {
  RequestFacts facts;
  facts.path = head.path();
  facts.query = head.query();
  facts.remote_address = origin.remote_address;
  facts.local_address = origin.local_address;
  if (head.minor_version == 0) facts.protocol = "HTTP/1.0";
  facts.headers = std::move(head.headers);
  facts.headers.remove(kOriginHeader);
  return facts;
}

}  // namespace hubgate::hub
