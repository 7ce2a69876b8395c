#include <cstring>
#include <string>
#include <vector>

#include "proxy/pool/idle_connections.h"
#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"

// The policy of the edge: every class of doubtful request or answer has one outcome, however the network cuts it, and
// whoever stands behind the proxy has seen nothing, or exactly the normalised request. Each row is sent whole, byte by
// byte, and cut in two at every position; behind each request that is refused comes another one, which must never be
// served: to somebody who reads the first differently it would be the smuggled one.

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;

namespace {

const std::string kSmuggled = "GET /app/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kHost = "Host: a\r\n";

// The statuses of a stream of answers, with " closed" when the connection has ended or is ended by us.
std::string outcome_of(const std::string& answers, bool ended) {
  std::string out;
  for (std::size_t at = answers.find("HTTP/1.1 "); at != std::string::npos; at = answers.find("HTTP/1.1 ", at + 1)) {
    out += (out.empty() ? "" : " ") + answers.substr(at + 9, 3);
  }
  return out + (ended ? " closed" : "");
}

// What an upstream has received, without what is the proxy's own of each request.
std::string without_own_fields(std::string received) {
  for (const char* own : {"X-Forwarded-For: 192.0.2.7\r\n", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Host: a\r\n"}) {
    for (std::size_t at = received.find(own); at != std::string::npos; at = received.find(own)) {
      received.erase(at, std::strlen(own));
    }
  }
  for (std::size_t at = received.find("X-Request-Id: "); at != std::string::npos;
       at = received.find("X-Request-Id: ")) {
    received.erase(at, received.find("\r\n", at) + 2 - at);
  }
  return received;
}

// The next request meets a fresh connection.
void forget_connections(Gateway& gateway, FakeUpstream& upstream) {
  for (Endpoint* endpoint : gateway.pools.find("main")->endpoints()) endpoint->idle().clear();
  gateway.turn(2);
  upstream.connections.clear();
}

// Sends `stream` in pieces whose ends are `cuts`, as far as the proxy listens.
std::string send_cut(Gateway& gateway, const Descriptor& client, const std::string& stream,
                     const std::vector<std::size_t>& cuts) {
  std::string answers;
  std::size_t at = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : stream.size();
    if (end == at) continue;
    if (::send(client.get(), stream.data() + at, end - at, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    at = end;
    gateway.turn(5);
    answers += read_available(client.get());
  }
  gateway.turn();
  return answers + read_available(client.get());
}

// Whole, byte by byte, and in two at every position. Of a long stream, which is long for the sake of a limit: at every
// position of its beginning and its end, and between them at some.
std::vector<std::vector<std::size_t>> all_cuts(std::size_t size) {
  constexpr std::size_t kLong = 400;
  constexpr std::size_t kEdge = 150;
  constexpr std::size_t kStride = 211;
  std::vector<std::size_t> each;
  for (std::size_t at = 1; at < size; ++at) {
    if (size <= kLong || at <= kEdge || size - at <= kEdge || at % kStride == 0) each.push_back(at);
  }
  std::vector<std::vector<std::size_t>> all = {{}, each};
  for (const std::size_t at : each) all.push_back({at});
  return all;
}

struct Row {
  const char* what;
  std::string request;
  const char* outcome;     // statuses, " closed"
  const char* reason;      // of hubgate_proxy_http_rejected_total; "" when it is none of them
  std::string upstream{};  // what it received
  bool may_be_unseen = false;
};

Row refused(const char* what, std::string request, const char* outcome, const char* reason) {
  return {what, std::move(request) + kSmuggled, outcome, reason, {}};
}

std::string line(const std::string& target) { return "GET " + target + " HTTP/1.1\r\n" + kHost + "\r\n"; }
std::string with_fields(const std::string& fields) { return "GET /app HTTP/1.1\r\n" + kHost + fields + "\r\n"; }
std::string with_body(const std::string& fields, const std::string& body) {
  return "POST /app HTTP/1.1\r\n" + kHost + fields + "\r\n" + body;
}
std::string chunked(const std::string& chunks) { return with_body("Transfer-Encoding: chunked\r\n", chunks); }
std::string offer(const std::string& fields) {
  return "GET /app HTTP/1.1\r\n" + kHost + "Connection: Upgrade\r\nUpgrade: websocket\r\n" + fields + "\r\n";
}
const std::string kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const std::string kVersion = "Sec-WebSocket-Version: 13\r\n";

// The row's request is refused at its head.
std::vector<Row> refused_heads() {
  using std::string;
  const auto bad = [](const char* what, string request, const char* reason) {
    return refused(what, std::move(request), "400 closed", reason);
  };
  const string nul(1, '\0');
  return {
      bad("bare CR in a value", with_fields("X: a\rb\r\n"), "bare_cr"),
      bad("bare CR in a name", with_fields("X\ra: b\r\n"), "bare_cr"),
      bad("bare CR in the request line", "GET /app\r HTTP/1.1\r\n" + kHost + "\r\n", "bare_cr"),
      bad("bare LF after the request line", "GET /app HTTP/1.1\nHost: a\r\n\r\n", "bare_lf"),
      bad("bare LF after a field", "GET /app HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "bare_lf"),
      bad("bare LF at the end of the head", "GET /app HTTP/1.1\r\nHost: a\r\n\n", "bare_lf"),
      bad("obs-fold", with_fields("X: a\r\n b\r\n"), "obs_fold"),
      bad("obs-fold with a tab", with_fields("X: a\r\n\tb\r\n"), "obs_fold"),
      bad("obs-fold before the first field", "GET /app HTTP/1.1\r\n Host: a\r\n\r\n", "obs_fold"),
      bad("NUL in a value", with_fields("X: a" + nul + "b\r\n"), "field_value"),
      bad("a control character in a value",
          with_fields("X: a\x01"
                      "b\r\n"),
          "field_value"),
      bad("DEL in a value",
          with_fields("X: a\x7f"
                      "b\r\n"),
          "field_value"),
      bad("bytes outside of token in a name", with_fields("X(a): b\r\n"), "field_name"),
      bad("a space in a name", with_fields("X a: b\r\n"), "field_name"),
      bad("a high byte in a name", with_fields("X\xe4: b\r\n"), "field_name"),
      bad("an empty name", with_fields(": b\r\n"), "field_name"),
      bad("no colon", with_fields("X\r\n"), "no_colon"),
      bad("white space before the colon", with_fields("X : b\r\n"), "field_name"),
      bad("a tab before the colon", with_fields("X\t: b\r\n"), "field_name"),
      bad("Host with white space before the colon", "GET /app HTTP/1.1\r\nHost : a\r\n\r\n", "field_name"),
      bad("a control character in the target", line("/app/a\x01"), "target"),
      bad("a tab in the target", line("/app/a\tb"), "target"),
      bad("a high byte in the target", line("/app/\xc3\xa4"), "target"),
      bad("# in the target", line("/app#a"), "target"),
      bad("\" in the target", line("/app\"a"), "target"),
      bad("< in the target", line("/app<a"), "target"),
      bad("> in the query", line("/app?a>b"), "target"),
      bad("a target without its slash", line("app"), "target"),
      bad("* for GET", line("*"), "target"),
      bad("another scheme", line("ftp://a/app"), "target"),
      bad("a scheme without authority", line("http:///app"), "target"),
      bad("\\ in the path", line("/app\\a"), "path"),
      bad("an invalid triplet", line("/app/%zz"), "path"),
      bad("a triplet cut", line("/app/%4"), "path"),
      bad("%00", line("/app/%00"), "path"),
      bad("an encoded slash at a route's end", line("/app%2fx"), "encoded_separator"),
      bad("an encoded backslash there", line("/app%5cx"), "encoded_separator"),
      bad("encoded slashes that lead out of a route", line("/app/..%2fx"), "encoded_separator"),
      bad("two spaces in the request line", "GET  /app HTTP/1.1\r\n" + kHost + "\r\n", "request_line"),
      bad("two spaces before the version", "GET /app  HTTP/1.1\r\n" + kHost + "\r\n", "request_line"),
      bad("a space at the end of the request line", "GET /app HTTP/1.1 \r\n" + kHost + "\r\n", "request_line"),
      bad("no version", "GET /app\r\n" + kHost + "\r\n", "request_line"),
      bad("a version in lower case", "GET /app http/1.1\r\n" + kHost + "\r\n", "request_line"),
      bad("a method outside of token", "G(T /app HTTP/1.1\r\n" + kHost + "\r\n", "method"),
      bad("an endless method", std::string(65, 'G') + " /app HTTP/1.1\r\n" + kHost + "\r\n", "method"),
      bad("two empty lines before the request", "\r\n\r\n" + line("/app"), "request_line"),
      bad("no Host", "GET /app HTTP/1.1\r\n\r\n", "host_missing"),
      bad("an empty Host", "GET /app HTTP/1.1\r\nHost:\r\n\r\n", "host_missing"),
      bad("two Hosts", with_fields("Host: a\r\n"), "host_repeated"),
      bad("two Hosts on HTTP/1.0", "GET /app HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "host_repeated"),
      bad("a Host with a slash", "GET /app HTTP/1.1\r\nHost: a/b\r\n\r\n", "host_invalid"),
      bad("a Host with a user", "GET /app HTTP/1.1\r\nHost: u@a\r\n\r\n", "host_invalid"),
      bad("a Host list", "GET /app HTTP/1.1\r\nHost: a b\r\n\r\n", "host_invalid"),
      bad("an authority that is not Host", line("http://b/app"), "host_mismatch"),
      bad("a Content-Length that is no number", with_body("Content-Length: 3x\r\n", "abc"), "content_length"),
      bad("a Content-Length with a sign", with_body("Content-Length: +3\r\n", "abc"), "content_length"),
      bad("a hexadecimal Content-Length", with_body("Content-Length: 0x3\r\n", "abc"), "content_length"),
      bad("an empty Content-Length", with_body("Content-Length:\r\n", ""), "content_length"),
      bad("a Content-Length above 2^53", with_body("Content-Length: 9007199254740993\r\n", ""), "content_length"),
      bad("a Content-Length that overflows", with_body("Content-Length: 18446744073709551619\r\n", "abc"),
          "content_length"),
      bad("two equal Content-Lengths", with_body("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
          "content_length_repeated"),
      bad("a list of Content-Lengths", with_body("Content-Length: 3, 3\r\n", "abc"), "content_length_repeated"),
      bad("Content-Length and Transfer-Encoding",
          with_body("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "length_and_encoding"),
      bad("Transfer-Encoding on HTTP/1.0",
          "POST /app HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "encoding_on_http10"),
      bad("Connection names Host", with_fields("Connection: Host\r\n"), "connection_option"),
      bad("Connection names Content-Length", with_body("Connection: content-length\r\nContent-Length: 3\r\n", "abc"),
          "connection_option"),
      bad("Connection names Cookie", with_fields("Connection: close, Cookie\r\n"), "connection_option"),
      bad("Connection names Authorization", with_fields("Connection: Authorization\r\n"), "connection_option"),
      bad("an upgrade with a body", offer(kKey + kVersion + "Content-Length: 3\r\n") + "abc", "upgrade_with_body"),
      bad("an upgrade with chunks", offer(kKey + kVersion + "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
          "upgrade_with_body"),
      refused("an encoding that is not chunked", with_body("Transfer-Encoding: gzip\r\n", ""), "501 closed",
              "transfer_encoding"),
      refused("two encodings", with_body("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "501 closed",
              "transfer_encoding"),
      refused("chunked twice", with_body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
              "501 closed", "transfer_encoding"),
      refused("chunked with a parameter", with_body("Transfer-Encoding: chunked;a=b\r\n", "0\r\n\r\n"), "501 closed",
              "transfer_encoding"),
      refused("xchunked", with_body("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "501 closed", "transfer_encoding"),
      refused("TRACE", "TRACE /app HTTP/1.1\r\n" + kHost + "\r\n", "405 closed", "method_not_allowed"),
      refused("CONNECT", "CONNECT a:443 HTTP/1.1\r\n" + kHost + "\r\n", "405 closed", "method_not_allowed"),
      refused("HTTP/2.0", "GET /app HTTP/2.0\r\n" + kHost + "\r\n", "505 closed", "version"),
      refused("HTTP/0.9 by number", "GET /app HTTP/0.9\r\n" + kHost + "\r\n", "505 closed", "version"),
      refused("HTTP/1.2", "GET /app HTTP/1.2\r\n" + kHost + "\r\n", "505 closed", "version"),
      refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 closed", "version"),
      refused("another expectation", with_body("Expect: tea\r\nContent-Length: 3\r\n", "abc"), "417 closed",
              "expectation"),
      refused("a list of expectations", with_body("Expect: 100-continue, tea\r\nContent-Length: 3\r\n", "abc"),
              "417 closed", "expectation"),
      refused("a long target", line("/app/" + std::string(8200, 'a')), "414 closed", "target_too_long"),
      refused("a long field", with_fields("X: " + std::string(8200, 'a') + "\r\n"), "431 closed", "field_too_large"),
      refused("many fields", with_fields([] {
                std::string fields;
                for (int i = 0; i < 100; ++i) fields += "X: a\r\n";
                return fields;
              }()),
              "431 closed", "too_many_fields"),
      refused("a large head", with_fields([] {
                std::string fields;
                for (int i = 0; i < 20; ++i) fields += "X: " + std::string(900, 'a') + "\r\n";
                return fields;
              }()),
              "431 closed", "head_too_large"),
      refused("a long body", with_body("Content-Length: 1048577\r\n", ""), "413 closed", "body_too_large"),
      refused("a long body that was to be asked for",
              with_body("Expect: 100-continue\r\nContent-Length: 1048577\r\n", ""), "413 closed", "body_too_large"),
      refused("an upgrade without a version", offer(kKey), "426 closed", "upgrade_version"),
      refused("an upgrade of another version", offer(kKey + "Sec-WebSocket-Version: 8\r\n"), "426 closed",
              "upgrade_version"),
      refused("an upgrade without a key", offer(kVersion), "400 closed", "upgrade_key"),
      refused("an upgrade with two keys", offer(kKey + kKey + kVersion), "400 closed", "upgrade_key"),
      refused("an upgrade with a short key", offer("Sec-WebSocket-Key: YWJj\r\n" + kVersion), "400 closed",
              "upgrade_key"),
  };
}

// The head is right, so an endpoint has seen it when the body turns out bad; the rest never passes.
std::vector<Row> refused_bodies() {
  const std::string head = "POST /app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto bad = [&](const char* what, const std::string& chunks, const char* reason) {
    Row row = refused(what, chunked(chunks), "400 closed", reason);
    row.upstream = head;
    row.may_be_unseen = true;
    return row;
  };
  return {
      bad("a chunk size that is no number", "x\r\nabc\r\n0\r\n\r\n", "chunk_size"),
      bad("an empty chunk size", "\r\nabc\r\n0\r\n\r\n", "chunk_size"),
      bad("a chunk size with a sign", "+3\r\nabc\r\n0\r\n\r\n", "chunk_size"),
      bad("a chunk size with 0x", "0x3\r\nabc\r\n0\r\n\r\n", "chunk_size"),
      bad("a chunk size of nine digits", "000000003\r\nabc\r\n0\r\n\r\n", "chunk_size"),
      bad("a chunk size behind a space", " 3\r\nabc\r\n0\r\n\r\n", "chunk_size"),
      bad("a bare LF after a chunk size", "3\nabc\r\n0\r\n\r\n", "bare_lf"),
      bad("a bare CR in a chunk extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", "bare_cr"),
      bad("a long chunk extension", "3;" + std::string(256, 'a') + "\r\nabc\r\n0\r\n\r\n", "chunk_extension"),
      bad("a control character in a chunk extension", "3;\x01\r\nabc\r\n0\r\n\r\n", "chunk_extension"),
      bad("a bare LF at the end of the body", "0\r\n\n", "bare_lf"),
      bad("a trailer without colon", "0\r\nX\r\n\r\n", "trailer"),
      bad("a trailer with a control character", "0\r\nX: \x01\r\n\r\n", "trailer"),
      bad("a folded trailer", "0\r\n X: a\r\n\r\n", "obs_fold"),
  };
}

std::vector<Row> served() {
  const auto get_app = [](const std::string& target, const std::string& fields = {}) {
    return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  };
  const std::string body = "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  return {
      {"a plain request", line("/app"), "200", "", get_app("/app")},
      {"one empty line before the request", "\r\n" + line("/app"), "200", "", get_app("/app")},
      {"HTTP/1.0", "GET /app HTTP/1.0\r\nHost: a\r\n\r\n", "200 closed", "", get_app("/app")},
      {"an unknown method", "BREW /app HTTP/1.1\r\n" + kHost + "\r\n", "200", "",
       "BREW /app HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"stray characters in a query", line("/app?a|b^c{d}%zz"), "200", "", get_app("/app?a|b^c{d}%zz")},
      {"an absolute target", line("http://a/app?x"), "200", "", get_app("/app?x")},
      {"an encoded slash within a route", line("/app/a%2fb"), "200", "", get_app("/app/a%2Fb")},
      {"unreserved triplets and dots", line("/x/../%61pp/./b/%7e%2f"), "200", "", get_app("/app/b/~%2F")},
      {"slashes are kept", line("/app//b"), "200", "", get_app("/app//b")},
      {"white space around a value", with_fields("X: \t a \r\n"), "200", "", get_app("/app", "X: a\r\n")},
      {"high bytes in a value", with_fields("X: \xc3\xa4\r\n"), "200", "", get_app("/app", "X: \xc3\xa4\r\n")},
      {"what is for one hop",
       with_fields("Connection: X, keep-alive\r\nX: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                   "Proxy-Connection: close\r\nProxy-Authorization: x\r\nY: 2\r\n"),
       "200", "", get_app("/app", "Y: 2\r\n")},
      {"our fields, forged, with twins, nominated",
       with_fields("X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"
                   "Connection: X-Forwarded-For\r\nX-Hubgate-Connection: x\r\n"),
       "200", "", get_app("/app")},
      {"a body by length", with_body("Content-Length: 3\r\n", "abc"), "200", "", body},
      {"a Content-Length with a zero before it", with_body("Content-Length: 03\r\n", "abc"), "200", "", body},
      {"chunks with extensions and trailers", chunked("1;a=b\r\na\r\n0002\r\nbc\r\n0;z\r\nX-T: 1\r\n\r\n"), "200", "",
       "chunks abc"},
      {"h2c loses its offer",
       with_fields("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                   "HTTP2-Settings: AA\r\n"),
       "200", "", get_app("/app")},
      {"a POST that offers websocket loses it",
       "POST /app HTTP/1.1\r\n" + kHost + "Connection: Upgrade\r\nUpgrade: websocket\r\n" + kKey + kVersion +
           "Content-Length: 3\r\n\r\nabc",
       "200", "", "POST /app HTTP/1.1\r\nHost: a\r\n" + kKey + kVersion + "Content-Length: 3\r\n\r\nabc"},
      {"two requests at once", line("/app") + line("/app/2"), "200 200", "", get_app("/app") + get_app("/app/2")},
      {"Expect with a body that has come", with_body("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"), "200", "",
       body},
      {"Expect on HTTP/1.0", "POST /app HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
       "200 closed", "", body},
      {"Expect without a body", with_fields("Expect: 100-continue\r\n"), "200", "", get_app("/app")},
  };
}

// Chunks of one body may be any, whatever the cuts were: the framing is read again, and what remains is the body.
std::string as_told(const std::string& received) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string::npos || received.find("Transfer-Encoding: chunked") > end) return received;
  std::string body;
  std::size_t at = end + 4;
  for (;;) {
    const std::size_t line_end = received.find("\r\n", at);
    if (line_end == std::string::npos) return received;  // nothing of the body
    const std::size_t size = std::stoul(received.substr(at, line_end - at), nullptr, 16);
    if (size == 0) return "chunks " + body;
    body += received.substr(line_end + 2, size);
    at = line_end + 2 + size + 2;
  }
}

void check_row(const Row& row) {
  CAPTURE(row.what);
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  upstream.script.body = row.request.find("Content-Length: 3\r\n") != std::string::npos ||
                                 row.request.find("Content-Length: 03\r\n") != std::string::npos
                             ? 3
                             : 0;
  // It answers what is whole; where the body is bad, nothing is.
  if (row.request.find("Transfer-Encoding: chunked") != std::string::npos) upstream.script.ending = "\r\n0\r\n\r\n";
  gateway.add_upstream(upstream, 1);
  std::uint64_t tries = 0;
  for (const std::vector<std::size_t>& cuts : all_cuts(row.request.size())) {
    CAPTURE(cuts.size(), cuts.empty() ? 0 : cuts.front());
    forget_connections(gateway, upstream);
    const Descriptor client = gateway.connect();
    const std::string answers = send_cut(gateway, client, row.request, cuts);
    std::string outcome = outcome_of(answers, is_at_end(client.get()));
    // Whether the client was asked for its body depends on when it came.
    if (outcome.starts_with("100 ") && row.request.find("100-continue") != std::string::npos) outcome.erase(0, 4);
    REQUIRE(outcome == row.outcome);
    const std::string received = as_told(without_own_fields(upstream.received()));
    // A fault that came with its head may have kept even that from leaving.
    if (!row.may_be_unseen || !received.empty()) REQUIRE(received == row.upstream);
    REQUIRE(upstream.received().find("smuggled") == std::string::npos);
    ++tries;
    std::uint64_t rejected = 0;
    for (int i = 0; i < http::kRejectionCount; ++i) {
      if (to_string(static_cast<http::Rejection>(i)) == row.reason) rejected = gateway.metrics.rejected.at(i);
    }
    REQUIRE(rejected == (*row.reason == '\0' ? 0 : tries));
  }
}

}  // namespace

TEST_CASE("edge: a request whose head is refused reaches nobody", "[proxy][edge]") {
  for (const Row& row : refused_heads()) check_row(row);
}

TEST_CASE("edge: of a request whose body is refused nothing follows its head", "[proxy][edge]") {
  for (const Row& row : refused_bodies()) check_row(row);
}

TEST_CASE("edge: a request that is served reaches the endpoint in its one normal form", "[proxy][edge]") {
  for (const Row& row : served()) check_row(row);
}

namespace {

struct AnswerRow {
  const char* what;
  std::string answer;
  const char* outcome;  // as the client sees it
  bool reused = false;  // whether the endpoint's connection serves another request
  std::string body = {};
};

std::vector<AnswerRow> answers() {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const auto bad = [](const char* what, std::string answer) { return AnswerRow{what, std::move(answer), "502"}; };
  const std::string extra = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsplit";
  std::string interim;
  for (int i = 0; i < 17; ++i) interim += "HTTP/1.1 103 Early Hints\r\n\r\n";
  return {
      bad("two equal lengths", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
      bad("a list of lengths", ok + "Content-Length: 2, 2\r\n\r\nok"),
      bad("a length that is no number", ok + "Content-Length: 2x\r\n\r\nok"),
      bad("length and encoding", ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      bad("another encoding", ok + "Transfer-Encoding: gzip\r\n\r\n"),
      bad("an encoding on HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      bad("obs-fold", ok + "X: a\r\n b\r\nContent-Length: 2\r\n\r\nok"),
      bad("a bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok"),
      bad("a bare CR", ok + "X: a\rb\r\nContent-Length: 2\r\n\r\nok"),
      bad("NUL in a value", ok + "X: a" + std::string(1, '\0') + "\r\nContent-Length: 2\r\n\r\nok"),
      bad("a name outside of token", ok + "X(: a\r\nContent-Length: 2\r\n\r\nok"),
      bad("white space before a colon", ok + "Content-Length : 2\r\n\r\nok"),
      bad("no colon", ok + "X\r\n\r\n"),
      bad("a status that is no number", "HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nok"),
      bad("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"),
      bad("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"),
      bad("another version", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      bad("no HTTP", "SSH-2.0-OpenSSH\r\n"),
      bad("a 101 that nobody asked for",
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
          "Upgrade: websocket\r\n\r\n"),
      {"endless interim answers", interim, "103 103 103 103 103 103 103 103 103 103 103 103 103 103 103 103 502"},
      {"an interim answer passes", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kOk, "103 200", true, "ok"},
      {"100 is the proxy's own to say", "HTTP/1.1 100 Continue\r\n\r\n" + kOk, "200", true, "ok"},
      {"a right one", kOk, "200", true, "ok"},
      {"no reason phrase", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "200", true, "ok"},
      {"an answer behind the answer", kOk + extra, "200", false, "ok"},
      {"204 has no body", "HTTP/1.1 204 No Content\r\n\r\n" + extra, "204", false},
      {"304 has no body, whatever its length says", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304",
       true},
      {"a bad chunk after the head", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx\r\n", "cut"},
      {"no CRLF behind a chunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nokXX0\r\n\r\n", "cut"},
      {"a bare LF in the chunks", ok + "Transfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", "cut"},
  };
}

}  // namespace

TEST_CASE("edge: an answer that could be read in two ways is none, and its connection serves nobody else",
          "[proxy][edge]") {
  for (const AnswerRow& row : answers()) {
    CAPTURE(row.what);
    Gateway gateway;
    FakeUpstream upstream;
    gateway.add_upstream(upstream, 1);
    for (std::size_t piece = 0; piece <= std::min<std::size_t>(row.answer.size(), 120); ++piece) {
      CAPTURE(piece);
      upstream.script = {.answer = row.answer, .piece = piece == 0 ? SIZE_MAX : piece};
      const Descriptor client = gateway.connect();
      write_all(client.get(), get("/app"));
      gateway.turn(static_cast<int>(piece == 0 ? 12 : row.answer.size() / piece + 12));
      const std::string got = read_available(client.get());
      char byte = 0;
      const bool ended = ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
      std::string outcome = outcome_of(got, ended);
      // An answer that is begun cannot become another one: its connection breaks off.
      if (outcome == "200 closed" || outcome == " closed") outcome = "cut";
      REQUIRE(outcome == row.outcome);
      if (!row.body.empty()) REQUIRE(got.ends_with("\r\n\r\n" + row.body));
      REQUIRE(got.find("split") == std::string::npos);
      REQUIRE(upstream.connections.size() == 1);
      // The next request has another connection unless this one is clean.
      upstream.script = {.answer = kOk};
      upstream.connections.front().script = upstream.script;
      const std::string next = gateway.ask(get("/app/next"));
      REQUIRE(status_of(next) == "HTTP/1.1 200 OK");
      REQUIRE(body_of(next) == "ok");
      REQUIRE(upstream.connections.size() == (row.reused ? 1U : 2U));
      forget_connections(gateway, upstream);
    }
  }
}
