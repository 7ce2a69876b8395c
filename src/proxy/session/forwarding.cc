#include "proxy/session/forwarding.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/ascii.h"
#include "common/http/http1_grammar.h"
#include "common/http/uri.h"

namespace hubgate::proxy {
namespace {

// What one balancer says of the hop before it. An empty address: none, hidden or nonsense.
struct Hop {
  net::Address address;
  std::string proto;
  std::string host;
};

constexpr std::size_t kMostHops = 32;  // of a longer list only the end, which the nearest wrote, is looked at

// "192.0.2.7", "192.0.2.7:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
net::Address read_node(std::string_view text) {
  std::string whole(text);
  const bool bracketed = whole.starts_with('[');
  const auto colons = std::count(whole.begin(), whole.end(), ':');
  if (!bracketed && colons > 1) whole = '[' + whole + "]:0";
  if ((bracketed && whole.ends_with(']')) || (!bracketed && colons == 0)) whole += ":0";
  const auto address = net::Address::parse(whole);
  return address && address->is_ip() ? *address : net::Address();
}

std::vector<std::string_view> elements_of(const http::Headers& headers, std::string_view name) {
  std::vector<std::string_view> all;
  for (const http::Headers::Field field : headers) {
    if (!equals_ignoring_case(field.name, name)) continue;
    http::for_each_element(field.value, [&](std::string_view element) { all.push_back(element); });
  }
  if (all.size() > kMostHops) all.erase(all.begin(), all.end() - kMostHops);
  return all;
}

// The element that belongs to hop `index` of `count`; of a list that is not as long the last, which the nearest wrote.
std::string_view element_for(const std::vector<std::string_view>& elements, std::size_t index, std::size_t count) {
  if (elements.empty()) return {};
  return elements.size() == count ? elements[index] : elements.back();
}

std::vector<Hop> read_x_forwarded(const http::Headers& headers) {
  const auto nodes = elements_of(headers, "X-Forwarded-For");
  const auto protos = elements_of(headers, "X-Forwarded-Proto");
  const auto hosts = elements_of(headers, "X-Forwarded-Host");
  std::vector<Hop> hops;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    hops.push_back({read_node(nodes[i]), std::string(element_for(protos, i, nodes.size())),
                    std::string(element_for(hosts, i, nodes.size()))});
  }
  // A balancer that tells the scheme only.
  if (nodes.empty() && (!protos.empty() || !hosts.empty())) {
    hops.push_back({net::Address(), std::string(element_for(protos, 0, 1)), std::string(element_for(hosts, 0, 1))});
  }
  return hops;
}

// Cuts `text` at the first `mark` that is outside of a quoted string, and takes that part off.
std::string_view cut_at(std::string_view& text, char mark) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    const char c = text[end];
    if (quoted && c == '\\') {
      ++end;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == mark && !quoted) {
      break;
    }
  }
  end = std::min(end, text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trim(part);
}

std::string unquote(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::string(text);
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

// RFC 7239, 4: for=192.0.2.43;proto=https, for="[2001:db8::1]:80"
std::vector<Hop> read_forwarded(const http::Headers& headers) {
  std::vector<Hop> hops;
  for (const http::Headers::Field field : headers) {
    if (!equals_ignoring_case(field.name, "Forwarded")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      std::string_view element = cut_at(rest, ',');
      if (element.empty()) continue;
      Hop& hop = hops.emplace_back();
      while (!element.empty()) {
        const std::string_view pair = cut_at(element, ';');
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = pair.substr(0, equals);
        std::string value = unquote(pair.substr(equals + 1));
        if (equals_ignoring_case(name, "for")) hop.address = read_node(value);
        if (equals_ignoring_case(name, "proto")) hop.proto = std::move(value);
        if (equals_ignoring_case(name, "host")) hop.host = std::move(value);
      }
    }
  }
  if (hops.size() > kMostHops) hops.erase(hops.begin(), hops.end() - kMostHops);
  return hops;
}

// The hop that names the client; hops.size() when it is the peer itself.
std::size_t find_client(const std::vector<Hop>& hops, const ClientFacts& facts) {
  std::size_t at = hops.size();
  net::Address known = facts.peer;
  while (at > 0 && net::contains(facts.trusted, known) && !hops[at - 1].address.is_empty()) {
    known = hops[--at].address;
  }
  return at;
}

void append(std::string& chain, const net::Address& address) {
  if (!address.is_ip()) return;
  if (!chain.empty()) chain += ", ";
  chain += address.host();
}

void believe(ForwardedClient& seen, const std::vector<Hop>& hops, const ClientFacts& facts) {
  const std::size_t at = find_client(hops, facts);
  if (at < hops.size()) seen.client = hops[at].address;
  seen.chain.clear();
  for (std::size_t i = at; i < hops.size(); ++i) append(seen.chain, hops[i].address);
  append(seen.chain, facts.peer);
  if (hops.empty()) return;
  const Hop& hop = hops[std::min(at, hops.size() - 1)];
  if (equals_ignoring_case(hop.proto, "https")) seen.https = true;
  if (equals_ignoring_case(hop.proto, "http")) seen.https = false;
  if (http::is_valid_host(hop.host)) seen.host = hop.host;
}

}  // namespace

ForwardedClient forwarded_client(const http::Headers& headers, const ClientFacts& facts) {
  ForwardedClient seen;
  seen.client = facts.peer;
  append(seen.chain, facts.peer);
  seen.https = facts.tls;
  seen.host = headers.get("Host");
  if (!net::contains(facts.trusted, facts.peer)) return seen;

  const std::vector<Hop> x_forwarded = read_x_forwarded(headers);
  const std::vector<Hop> forwarded = read_forwarded(headers);
  if (headers.has("X-Forwarded-For") && !forwarded.empty()) {
    const std::size_t at = find_client(x_forwarded, facts);
    const std::size_t other = find_client(forwarded, facts);
    const auto host_of = [&](const std::vector<Hop>& hops, std::size_t index) {
      return index < hops.size() ? hops[index].address.host() : facts.peer.host();
    };
    if (host_of(x_forwarded, at) != host_of(forwarded, other)) return seen;
  }
  believe(seen, headers.has("X-Forwarded-For") || forwarded.empty() ? x_forwarded : forwarded, facts);
  return seen;
}

}  // namespace hubgate::proxy
