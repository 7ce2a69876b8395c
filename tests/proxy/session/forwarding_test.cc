#include "proxy/session/forwarding.h"

#include <vector>

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;

namespace {

const std::vector<net::Cidr>& balancers() {
  static const std::vector<net::Cidr> kRanges = {*net::Cidr::parse("10.0.0.0/8"), *net::Cidr::parse("fd00::/8"),
                                                 *net::Cidr::parse("unix")};
  return kRanges;
}

// "client | X-Forwarded-For | X-Forwarded-Proto | X-Forwarded-Host"
std::string seen(const http::Headers& headers, const std::string& peer = "10.0.0.1:4000") {
  ClientFacts facts;
  facts.peer = *net::Address::parse(peer);
  facts.trusted = balancers();
  http::Headers all = headers;
  all.add("Host", "gate");
  const ForwardedClient client = forwarded_client(all, facts);
  return client.client.host() + " | " + client.chain + " | " + (client.https ? "https" : "http") + " | " + client.host;
}

}  // namespace

TEST_CASE("the fields of a peer that is not trusted say nothing", "[proxy][session][forwarding]") {
  CHECK(seen({{"X-Forwarded-For", "203.0.113.9"},
              {"X-Forwarded-Proto", "https"},
              {"X-Forwarded-Host", "evil"},
              {"Forwarded", "for=203.0.113.9;proto=https;host=evil"}},
             "192.0.2.7:50000") == "192.0.2.7 | 192.0.2.7 | http | gate");
}

TEST_CASE("a trusted peer's fields are read from right to left, up to the first that is not trusted",
          "[proxy][session][forwarding]") {
  struct Row {
    http::Headers headers;
    const char* seen;
  };
  const Row rows[] = {
      {{}, "10.0.0.1 | 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "192.0.2.7"}}, "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "6.6.6.6, 192.0.2.7"}}, "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.9.9.9"}},
       "192.0.2.7 | 192.0.2.7, 10.9.9.9, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "6.6.6.6"}, {"X-Forwarded-For", "192.0.2.7"}, {"x-forwarded-for", "10.9.9.9"}},
       "192.0.2.7 | 192.0.2.7, 10.9.9.9, 10.0.0.1 | http | gate"},
      // All trusted: the leftmost.
      {{{"X-Forwarded-For", "10.3.3.3, 10.9.9.9"}}, "10.3.3.3 | 10.3.3.3, 10.9.9.9, 10.0.0.1 | http | gate"},
      // What is no address ends the chain of trust.
      {{{"X-Forwarded-For", "192.0.2.7, unknown"}}, "10.0.0.1 | 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "192.0.2.7, unknown, 10.9.9.9"}}, "10.9.9.9 | 10.9.9.9, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "192.0.2.300"}}, "10.0.0.1 | 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", ", ,"}}, "10.0.0.1 | 10.0.0.1 | http | gate"},
      // Every spelling of a node.
      {{{"X-Forwarded-For", "192.0.2.7:4711"}}, "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "2001:db8::7"}}, "2001:db8::7 | 2001:db8::7, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "[2001:db8::7]"}}, "2001:db8::7 | 2001:db8::7, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "[2001:db8::7]:1, fd00::1"}}, "2001:db8::7 | 2001:db8::7, fd00::1, 10.0.0.1 | http | gate"},
      // Scheme and host: of the client's hop when there is one for each, else the nearest's word.
      {{{"X-Forwarded-Proto", "https"}}, "10.0.0.1 | 10.0.0.1 | https | gate"},
      {{{"X-Forwarded-For", "192.0.2.7, 10.9.9.9"}, {"X-Forwarded-Proto", "https, http"}},
       "192.0.2.7 | 192.0.2.7, 10.9.9.9, 10.0.0.1 | https | gate"},
      {{{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Proto", "http, https"}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | https | gate"},
      {{{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Proto", "gopher"}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Host", "shop.example:444"}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | shop.example:444"},
      {{{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Host", "a/b"}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
      // RFC 7239.
      {{{"Forwarded", "for=192.0.2.7;proto=https;host=shop.example"}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | https | shop.example"},
      {{{"Forwarded", "For=\"[2001:db8::7]:4711\" ; Proto=https, for=10.9.9.9;proto=http"}},
       "2001:db8::7 | 2001:db8::7, 10.9.9.9, 10.0.0.1 | https | gate"},
      {{{"Forwarded", "for=6.6.6.6"}, {"Forwarded", "for=192.0.2.7;by=\"a,b;c\""}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
      {{{"Forwarded", "for=_hidden;proto=https"}}, "10.0.0.1 | 10.0.0.1 | https | gate"},
      {{{"Forwarded", "for=\"192.0.2.7"}}, "10.0.0.1 | 10.0.0.1 | http | gate"},
      {{{"Forwarded", "nonsense;;=,"}}, "10.0.0.1 | 10.0.0.1 | http | gate"},
      // Both: only when they agree.
      {{{"X-Forwarded-For", "192.0.2.7"}, {"Forwarded", "for=192.0.2.7"}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-For", "6.6.6.6"}, {"Forwarded", "for=192.0.2.7;proto=https"}},
       "10.0.0.1 | 10.0.0.1 | http | gate"},
      {{{"X-Forwarded-Proto", "https"}, {"Forwarded", "for=192.0.2.7;proto=http"}},
       "192.0.2.7 | 192.0.2.7, 10.0.0.1 | http | gate"},
  };
  for (const Row& row : rows) {
    std::string fields;
    for (const auto& field : row.headers) fields += std::string(field.name) + ": " + std::string(field.value) + "\n";
    CAPTURE(fields);
    CHECK(seen(row.headers) == row.seen);
  }
}

TEST_CASE("a balancer on a Unix socket is no part of the chain", "[proxy][session][forwarding]") {
  CHECK(seen({{"X-Forwarded-For", "192.0.2.7"}}, "unix:/run/x") == "192.0.2.7 | 192.0.2.7 | http | gate");
}

TEST_CASE("of an endless list only the end is looked at", "[proxy][session][forwarding]") {
  std::string list = "192.0.2.7";
  for (int i = 0; i < 500; ++i) list += ", 10.1.1.1";
  CHECK(seen({{"X-Forwarded-For", list}}).starts_with("10.1.1.1 | 10.1.1.1, "));
}
