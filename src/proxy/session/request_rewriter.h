#pragma once

#include <string>

#include "common/http/message.h"
#include "proxy/session/client_facts.h"
#include "proxy/session/forwarding.h"

namespace hubgate::proxy {

/// Who gets the head.
enum class HeadFor : std::uint8_t {
  kLocalWorker,   // gets the fact header too: it came over the worker's link, or over a socketpair given on it
  kOtherProgram,  // remote endpoints, and programs that know X-Forwarded-* only
};

/// The name of the header with the facts. Taken from no client.
inline constexpr std::string_view kFactHeader = "X-Hubgate-Connection";

/// Writes the request's head anew for an endpoint: `target` is the normalised path with the query as it came; what is
/// for one hop only goes, with all that Connection names; then the proxy's own fields are set, so that a client can
/// neither forge nor remove them. `client` is forwarded_client() of the same head. A WebSocket upgrade keeps its offer
/// only when `upgrade` is set.
http::RequestHead rewrite_request(const http::RequestHead& head, std::string target, const ClientFacts& facts,
                                  const ForwardedClient& client, const std::string& request_id, HeadFor receiver,
                                  bool upgrade);

/// The head of an endpoint's answer for the client: without what is for one hop only, and without Alt-Svc, which names
/// the endpoint's own ports.
void rewrite_response(http::ResponseHead& head);

/// "listener=NAME; client=ip:port|unix; uid=N; local=ip:port|unix; proto=http|https; id=REQUEST_ID".
std::string describe_facts(const ClientFacts& facts, const ForwardedClient& client, const std::string& request_id);

}  // namespace hubgate::proxy
