#include "proxy/session/request_rewriter.h"

#include <algorithm>

#include "common/base/ascii.h"

namespace hubgate::proxy {
namespace {

// Some servers read X_Forwarded_For as X-Forwarded-For, so an underscore counts as a hyphen here.
bool starts_with_as_header(std::string_view name, std::string_view prefix) {
  if (name.size() < prefix.size()) return false;
  return std::equal(prefix.begin(), prefix.end(), name.begin(),
                    [](char wanted, char c) { return wanted == (c == '_' ? '-' : ascii_lower(c)); });
}

bool equals_as_header(std::string_view name, std::string_view wanted) {
  return name.size() == wanted.size() && starts_with_as_header(name, wanted);
}

// What only the proxy may say. Lower case.
bool is_ours(std::string_view name) {
  return starts_with_as_header(name, "x-forwarded-") || starts_with_as_header(name, "x-hubgate-") ||
         equals_as_header(name, "forwarded") || equals_as_header(name, "x-real-ip") ||
         equals_as_header(name, "x-request-id");
}

// HTTP/1.0 need not name a host, HTTP/1.1, which the endpoint gets, must: then it is the address that was reached.
std::string host_reached(const net::Address& local) { return local.is_ip() ? local.to_string() : "localhost"; }

std::string describe(const net::Address& address) { return address.is_ip() ? address.to_string() : "unix"; }

}  // namespace

std::string describe_facts(const ClientFacts& facts, const ForwardedClient& client, const std::string& request_id) {
  std::string text = "listener=" + facts.listener + "; client=" + describe(client.client);
  if (facts.user) text += "; uid=" + std::to_string(*facts.user);
  text += "; local=" + describe(facts.local);
  text += client.https ? "; proto=https" : "; proto=http";
  text += "; id=" + request_id;
  return text;
}

http::RequestHead rewrite_request(const http::RequestHead& head, std::string target, const ClientFacts& facts,
                                  const ForwardedClient& client, const std::string& request_id, HeadFor receiver,
                                  bool upgrade) {
  http::RequestHead written;
  written.method = head.method;
  written.target = std::move(target);
  written.body = head.body;
  written.upgrade = upgrade ? http::UpgradeOffer::kWebSocket : http::UpgradeOffer::kNone;
  written.headers = head.headers;
  http::Headers& headers = written.headers;
  http::remove_hop_by_hop(headers);
  // The proxy answers Expect itself, once it knows that the body is wanted.
  headers.remove_if([](const http::Headers::Field& field) {
    return is_ours(field.name) || equals_ignoring_case(field.name, "Expect");
  });
  if (headers.get("Host").empty()) headers.set("Host", host_reached(facts.local));
  if (!client.chain.empty()) headers.add("X-Forwarded-For", client.chain);
  headers.add("X-Forwarded-Proto", client.https ? "https" : "http");
  headers.add("X-Forwarded-Host", client.host.empty() ? headers.get("Host") : std::string_view(client.host));
  headers.add("X-Request-Id", request_id);
  if (receiver == HeadFor::kLocalWorker) headers.add(kFactHeader, describe_facts(facts, client, request_id));
  return written;
}

void rewrite_response(http::ResponseHead& head) {
  http::remove_hop_by_hop(head.headers);
  head.headers.remove("Alt-Svc");
  head.minor_version = 1;
  head.keep_alive = true;  // what the endpoint says of its own connection means nothing to the client
}

}  // namespace hubgate::proxy
