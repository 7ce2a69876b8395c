#include "proxy/session/request_rewriter.h"

#include "common/http/http1_reader.h"
#include "common/http/http1_writer.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;

namespace {

http::RequestHead read(std::string text) {
  static const http::ReaderLimits limits;
  http::RequestReader reader(limits);
  const http::ReadStep step = reader.read({reinterpret_cast<std::byte*>(text.data()), text.size()});
  REQUIRE(step.event == http::ReadEvent::kHead);
  return reader.head();
}

ClientFacts facts() {
  ClientFacts facts;
  facts.listener = "public";
  facts.peer = *net::Address::parse("192.0.2.7:50000");
  facts.local = *net::Address::parse("192.0.2.1:80");
  return facts;
}

std::string rewritten(const std::string& text, HeadFor receiver = HeadFor::kOtherProgram, bool upgrade = false) {
  const http::RequestHead head = read(text);
  std::string out;
  http::append_request_head(out, rewrite_request(head, head.target, facts(), forwarded_client(head.headers, facts()),
                                                 "ID", receiver, upgrade));
  return out;
}

}  // namespace

TEST_CASE("an endpoint sees the client's own fields, ours, and nothing that is for one hop", "[proxy][session]") {
  CHECK(rewritten("GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nConnection: keep-alive, X-Secret\r\n"
                  "X-Secret: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
                  "Proxy-Authorization: x\r\nCookie: a=b\r\n\r\n") ==
        "GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nCookie: a=b\r\n"
        "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: example.org\r\n"
        "X-Request-Id: ID\r\n\r\n");
}

TEST_CASE("what a client says in our names is thrown away, in every spelling", "[proxy][session]") {
  const std::string name =
      GENERATE("X-Forwarded-For", "x-forwarded-proto", "X_Forwarded_For", "Forwarded", "X-Real-IP",
               "X-Hubgate-Connection", "X_Hubgate-Connection", "X-Hubgate-Other", "X-Request-Id", "X-Forwarded-Prefix");
  const auto receiver = GENERATE(HeadFor::kLocalWorker, HeadFor::kOtherProgram);
  const std::string out = rewritten("GET / HTTP/1.1\r\nHost: a\r\n" + name + ": forged\r\n\r\n", receiver);
  CHECK_THAT(out, !test::contains("forged"));
}

TEST_CASE("a client cannot have our fields removed by naming them in Connection", "[proxy][session]") {
  const std::string out =
      rewritten("GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For, X-Hubgate-Connection, X-Request-Id\r\n\r\n",
                HeadFor::kLocalWorker);
  CHECK_THAT(out, test::contains("X-Forwarded-For: 192.0.2.7\r\n"));
  CHECK_THAT(out, test::contains("X-Request-Id: ID\r\n"));
  CHECK_THAT(out, test::contains("X-Hubgate-Connection: listener=public; client=192.0.2.7:50000; local=192.0.2.1:80; "
                                 "proto=http; id=ID\r\n"));
}

TEST_CASE("an endpoint gets a Host, whatever an old client left out", "[proxy][session]") {
  struct Row {
    std::string request;
    std::string host;
  };
  const Row row = GENERATE(values<Row>({
      {"GET /a HTTP/1.0\r\n\r\n", "192.0.2.1:80"},
      {"GET /a HTTP/1.0\r\nHost:\r\n\r\n", "192.0.2.1:80"},
      {"GET http://example.org/a HTTP/1.0\r\n\r\n", "example.org"},
      {"GET http://example.org/a HTTP/1.1\r\nHost: example.org\r\n\r\n", "example.org"},
  }));
  CAPTURE(row.request);
  const std::string out = rewritten(row.request);
  CHECK(out.starts_with("GET /a HTTP/1.1\r\n"));
  CHECK_THAT(out, test::contains("\r\nHost: " + row.host + "\r\n"));
  CHECK(out.find("\r\nHost:") == out.rfind("\r\nHost:"));
  CHECK_THAT(out, test::contains("X-Forwarded-Host: " + row.host + "\r\n"));
}

TEST_CASE("a client on a Unix socket that names no host reached localhost", "[proxy][session]") {
  ClientFacts unix_facts;
  unix_facts.listener = "local";
  unix_facts.peer = unix_facts.local = *net::Address::parse("unix:/run/x");
  const http::RequestHead head = read("GET / HTTP/1.0\r\n\r\n");
  const http::RequestHead out = rewrite_request(head, "/", unix_facts, forwarded_client(head.headers, unix_facts), "ID",
                                                HeadFor::kLocalWorker, false);
  CHECK(out.host() == "localhost");
  CHECK(out.headers.get("X-Forwarded-Host") == "localhost");
}

TEST_CASE("only a served upgrade keeps its offer", "[proxy][session]") {
  const std::string text =
      "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, other\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  CHECK_THAT(rewritten(text, HeadFor::kOtherProgram, true), test::contains("Upgrade: websocket\r\n"));
  CHECK_THAT(rewritten(text, HeadFor::kOtherProgram, true), !test::contains("other"));
  CHECK_THAT(rewritten(text, HeadFor::kOtherProgram, false), !test::contains("Upgrade"));
}

TEST_CASE("Expect is the proxy's own to answer", "[proxy][session]") {
  const std::string out = rewritten("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CHECK_THAT(out, !test::contains("Expect"));
  CHECK_THAT(out, test::contains("Content-Length: 3\r\n"));
}

TEST_CASE("the facts of a client on a Unix socket name its user", "[proxy][session]") {
  ClientFacts unix_facts;
  unix_facts.listener = "local";
  unix_facts.peer = *net::Address::parse("unix:/run/x");
  unix_facts.local = unix_facts.peer;
  unix_facts.tls = true;
  unix_facts.user = 1000;
  CHECK(describe_facts(unix_facts, forwarded_client({}, unix_facts), "ID") ==
        "listener=local; client=unix; uid=1000; local=unix; proto=https; id=ID");
}

TEST_CASE("an answer loses what is for one hop and what names the endpoint's ports", "[proxy][session]") {
  http::ResponseHead head;
  head.keep_alive = false;
  head.minor_version = 0;
  head.headers = {{"Connection", "close, X-Hop"}, {"X-Hop", "1"}, {"Alt-Svc", "h3"}, {"Content-Type", "text/plain"}};
  rewrite_response(head);
  CHECK(head.headers == http::Headers{{"Content-Type", "text/plain"}});
  CHECK(head.keep_alive);
}
