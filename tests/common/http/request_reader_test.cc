#include "common/http/http1_reader.h"

#include "tests/common/http/read_stream.h"
#include "tests/support/catch.h"

namespace hubgate::http {
namespace {

using test::requests_of;

RequestHead head_of(std::string_view stream) {
  const ReaderLimits limits;
  RequestReader reader(limits);
  test::StreamReading reading(reader);
  reading.feed(stream);
  INFO(reading.story());
  REQUIRE(reading.heads.size() == 1);
  return reading.heads.front();
}

std::string get(std::string_view fields, std::string_view target = "/") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view fields, std::string_view body = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string chunked(std::string_view chunks) { return post("Transfer-Encoding: chunked\r\n", chunks); }

struct Refused {
  const char* what;
  std::string stream;
  Rejection rejection;
  int status;
};

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

const std::string kNul(1, '\0');

const std::vector<Refused>& refused_heads() {
  static const std::vector<Refused> kRows = {
      {"bare LF behind the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", Rejection::kBareLf, 400},
      {"bare LF behind a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", Rejection::kBareLf, 400},
      {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", Rejection::kBareLf, 400},
      {"bare LF first", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", Rejection::kBareLf, 400},
      {"bare CR in a value", get("X: a\rb\r\n"), Rejection::kBareCr, 400},
      {"bare CR in a name", get("X\r: b\r\n"), Rejection::kBareCr, 400},
      {"CR CR LF", get("X: b\r\r\n"), Rejection::kBareCr, 400},
      {"bare CR in the method", "GE\rT / HTTP/1.1\r\n\r\n", Rejection::kBareCr, 400},
      {"bare CR in the target", "GET /\r HTTP/1.1\r\n\r\n", Rejection::kBareCr, 400},
      {"bare CR in the version", "GET / HTTP/1.1\r \r\n\r\n", Rejection::kBareCr, 400},
      {"folded line", get("X: a\r\n b\r\n"), Rejection::kObsFold, 400},
      {"folded line with a tab", get("X: a\r\n\tb\r\n"), Rejection::kObsFold, 400},
      {"folded first line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", Rejection::kObsFold, 400},
      {"NUL in a value", get("X: a" + kNul + "b\r\n"), Rejection::kFieldValue, 400},
      {"control character in a value", get("X: a\x01\r\n"), Rejection::kFieldValue, 400},
      {"DEL in a value", get("X: a\x7f\r\n"), Rejection::kFieldValue, 400},
      {"NUL in a name", get("X" + kNul + ": a\r\n"), Rejection::kFieldName, 400},
      {"slash in a name", get("X/Y: a\r\n"), Rejection::kFieldName, 400},
      {"byte above 0x7f in a name", get("X\xc3\xa4: a\r\n"), Rejection::kFieldName, 400},
      {"empty name", get(": a\r\n"), Rejection::kFieldName, 400},
      {"space before the colon", get("X : a\r\n"), Rejection::kFieldName, 400},
      {"tab before the colon", get("Content-Length\t: 0\r\n"), Rejection::kFieldName, 400},
      {"no colon", get("X\r\n"), Rejection::kNoColon, 400},
      {"no colon but a space", get("X Y\r\n"), Rejection::kNoColon, 400},
      {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", Rejection::kRequestLine, 400},
      {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", Rejection::kRequestLine, 400},
      {"space behind the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", Rejection::kRequestLine, 400},
      {"HTTP/0.9", "GET /\r\n", Rejection::kRequestLine, 400},
      {"method alone", "GET\r\n", Rejection::kRequestLine, 400},
      {"lower-case version", "GET / http/1.1\r\n\r\n", Rejection::kRequestLine, 400},
      {"two leading CRLF", "\r\n\r\n" + get(""), Rejection::kRequestLine, 400},
      {"space first", " GET / HTTP/1.1\r\n\r\n", Rejection::kMethod, 400},
      {"a TLS hello", "\x16\x03\x01\x02", Rejection::kMethod, 400},
      {"method with a bracket", "G(T / HTTP/1.1\r\n\r\n", Rejection::kMethod, 400},
      {"method of 65", repeat("G", 65) + " / HTTP/1.1\r\n\r\n", Rejection::kMethod, 400},
      {"tab in the request line", "GET\t/ HTTP/1.1\r\n\r\n", Rejection::kMethod, 400},
      {"control character in the target", get("", "/\x01"), Rejection::kTarget, 400},
      {"byte above 0x7f in the target", get("", "/\xc3\xa4"), Rejection::kTarget, 400},
      {"# in the target", get("", "/#a"), Rejection::kTarget, 400},
      {"\" in the target", get("", "/?a=\""), Rejection::kTarget, 400},
      {"< in the target", get("", "/<"), Rejection::kTarget, 400},
      {"> in the target", get("", "/>"), Rejection::kTarget, 400},
      {"relative target", get("", "a/b"), Rejection::kTarget, 400},
      {"* with GET", get("", "*"), Rejection::kTarget, 400},
      {"absolute target of another scheme", get("", "ftp://h/"), Rejection::kTarget, 400},
      {"absolute target without authority", get("", "http:///x"), Rejection::kTarget, 400},
      {"backslash in the path", get("", "/a\\b"), Rejection::kPath, 400},
      {"broken triplet in the path", get("", "/%4"), Rejection::kPath, 400},
      {"broken triplet within the path", get("", "/%zz/a"), Rejection::kPath, 400},
      {"%00 in the path", get("", "/a%00"), Rejection::kPath, 400},
      {"target of 8193", get("", "/" + repeat("a", 8192)), Rejection::kTargetTooLong, 414},
      {"target without an end", "GET /" + repeat("a", 20000), Rejection::kTargetTooLong, 414},
      {"HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", Rejection::kVersion, 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", Rejection::kVersion, 505},
      {"HTTP/0.9 written out", "GET / HTTP/0.9\r\n\r\n", Rejection::kVersion, 505},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Rejection::kVersion, 505},
      {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", Rejection::kMethodNotAllowed, 405},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", Rejection::kMethodNotAllowed, 405},
      {"field of 8193", get("X: " + repeat("a", 8190) + "\r\n"), Rejection::kFieldTooLarge, 431},
      {"field without an end", get("X: " + repeat("a", 9000)), Rejection::kFieldTooLarge, 431},
      {"101 fields", get(repeat("X: y\r\n", 100)), Rejection::kTooManyFields, 431},
      {"head over 16 KiB", get(repeat("X: " + repeat("a", 1000) + "\r\n", 17)), Rejection::kHeadTooLarge, 431},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", Rejection::kHostMissing, 400},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", Rejection::kHostMissing, 400},
      {"two Hosts", get("Host: h\r\n"), Rejection::kHostRepeated, 400},
      {"two Hosts on 1.0", "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", Rejection::kHostRepeated, 400},
      {"Host with a slash", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", Rejection::kHostInvalid, 400},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n", Rejection::kHostInvalid, 400},
      {"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Rejection::kHostInvalid, 400},
      {"Host with a bad port", "GET / HTTP/1.1\r\nHost: h:8a\r\n\r\n", Rejection::kHostInvalid, 400},
      {"authority of an absolute target differs", get("", "http://other/x"), Rejection::kHostMismatch, 400},
      {"authority with a user", get("", "http://u@h/x"), Rejection::kHostMismatch, 400},
      {"Content-Length with a sign", post("Content-Length: +5\r\n"), Rejection::kContentLength, 400},
      {"Content-Length in hex", post("Content-Length: 0x5\r\n"), Rejection::kContentLength, 400},
      {"Content-Length empty", post("Content-Length:\r\n"), Rejection::kContentLength, 400},
      {"Content-Length with a space", post("Content-Length: 1 2\r\n"), Rejection::kContentLength, 400},
      {"Content-Length over 2^53", post("Content-Length: 9007199254740993\r\n"), Rejection::kContentLength, 400},
      {"Content-Length over 2^64", post("Content-Length: 18446744073709551617\r\n"), Rejection::kContentLength, 400},
      {"two Content-Lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n"), Rejection::kContentLengthRepeated,
       400},
      {"two equal Content-Lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n"),
       Rejection::kContentLengthRepeated, 400},
      {"Content-Length list", post("Content-Length: 5, 5\r\n"), Rejection::kContentLengthRepeated, 400},
      {"length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Rejection::kLengthAndEncoding,
       400},
      {"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), Rejection::kLengthAndEncoding,
       400},
      {"chunked on 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Rejection::kEncodingOnHttp10, 400},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), Rejection::kTransferEncoding, 501},
      {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       Rejection::kTransferEncoding, 501},
      {"identity", post("Transfer-Encoding: identity\r\n"), Rejection::kTransferEncoding, 501},
      {"xchunked", post("Transfer-Encoding: xchunked\r\n"), Rejection::kTransferEncoding, 501},
      {"empty Transfer-Encoding", post("Transfer-Encoding:\r\n"), Rejection::kTransferEncoding, 501},
      {"Connection: Host", get("Connection: close, Host\r\n"), Rejection::kConnectionOption, 400},
      {"Connection: cookie", get("Connection: cookie\r\n"), Rejection::kConnectionOption, 400},
      {"Connection: Authorization", get("Connection: Authorization\r\n"), Rejection::kConnectionOption, 400},
      {"Connection: Content-Length", get("Connection: Content-Length\r\n"), Rejection::kConnectionOption, 400},
      {"another expectation", post("Expect: magic\r\nContent-Length: 1\r\n"), Rejection::kExpectation, 417},
      {"WebSocket offer with a length", get("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n"),
       Rejection::kUpgradeWithBody, 400},
      {"WebSocket offer with chunks",
       get("Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n"), Rejection::kUpgradeWithBody,
       400},
  };
  return kRows;
}

}  // namespace

TEST_CASE("every class of bad head has one answer, however the stream is cut", "[http][reader]") {
  for (const Refused& row : refused_heads()) {
    CAPTURE(row.what);
    CHECK(requests_of(row.stream) == "refused " + std::string(to_string(row.rejection)) + "\n");
    CHECK(status_of(row.rejection) == row.status);
  }
}

TEST_CASE("every class of bad chunk framing has one answer, however the stream is cut", "[http][reader]") {
  const std::vector<Refused> rows = {
      {"no size", chunked("\r\n"), Rejection::kChunkSize, 400},
      {"no hex", chunked("g\r\n"), Rejection::kChunkSize, 400},
      {"sign", chunked("-1\r\n"), Rejection::kChunkSize, 400},
      {"0x", chunked("0x1\r\n"), Rejection::kChunkSize, 400},
      {"nine digits", chunked("000000001\r\na\r\n"), Rejection::kChunkSize, 400},
      {"digits without an end", chunked(repeat("1", 1000)), Rejection::kChunkSize, 400},
      {"space behind the size", chunked("1 \r\na\r\n"), Rejection::kChunkSize, 400},
      {"space before the size", chunked(" 1\r\na\r\n"), Rejection::kChunkSize, 400},
      {"bare LF behind the size", chunked("1\na\r\n"), Rejection::kBareLf, 400},
      {"bare CR in an extension", chunked("1;a\rb\r\na\r\n"), Rejection::kBareCr, 400},
      {"control character in an extension", chunked("1;a\x01\r\na\r\n"), Rejection::kChunkExtension, 400},
      {"extension of 257", chunked("1;" + repeat("a", 256) + "\r\na\r\n"), Rejection::kChunkExtension, 400},
      {"extension without an end", chunked("1;" + repeat("a", 1000)), Rejection::kChunkExtension, 400},
      {"data longer than its size", chunked("1\r\nab\r\n"), Rejection::kChunkEnd, 400},
      {"bare LF behind the data", chunked("1\r\na\n0\r\n\r\n"), Rejection::kChunkEnd, 400},
      {"trailer without a colon", chunked("0\r\nX\r\n\r\n"), Rejection::kTrailer, 400},
      {"trailer with NUL", chunked("0\r\nX: " + kNul + "\r\n\r\n"), Rejection::kTrailer, 400},
      {"trailer that is folded", chunked("0\r\nX: a\r\n b\r\n\r\n"), Rejection::kObsFold, 400},
      {"bare LF behind a trailer", chunked("0\r\nX: a\n\r\n"), Rejection::kBareLf, 400},
      {"bare LF as the end", chunked("0\r\n\n"), Rejection::kBareLf, 400},
      {"too many trailers", chunked("0\r\n" + repeat("X: y\r\n", 101) + "\r\n"), Rejection::kTooManyFields, 431},
      {"a trailer that is too long", chunked("0\r\nX: " + repeat("y", 9000)), Rejection::kFieldTooLarge, 431},
  };
  for (const Refused& row : rows) {
    CAPTURE(row.what);
    CHECK_THAT(requests_of(row.stream), test::contains("refused " + std::string(to_string(row.rejection)) + "\n"));
    CHECK(status_of(row.rejection) == row.status);
  }
}

TEST_CASE("chunk extensions of one message are limited in all", "[http][reader]") {
  const std::string chunk = "1;" + repeat("a", 254) + "\r\nx\r\n";
  CHECK_THAT(requests_of(chunked(repeat(chunk, 64) + "0\r\n\r\n")), test::contains("end\n"));
  CHECK_THAT(requests_of(chunked(repeat(chunk, 65) + "0\r\n\r\n")), test::contains("refused chunk_extension\n"));
}

TEST_CASE("what is at a limit passes", "[http][reader]") {
  CHECK_THAT(requests_of(get("", "/" + repeat("a", 8191))), test::contains("end\n"));
  CHECK_THAT(requests_of(get("X: " + repeat("a", 8189) + "\r\n")), test::contains("end\n"));
  CHECK_THAT(requests_of(get(repeat("X: y\r\n", 99))), test::contains("end\n"));
  // 16384 bytes in all, with both CRLFs at the end.
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nA: " + repeat("a", 8189) + "\r\nB: ";
  CHECK_THAT(requests_of(start + repeat("b", 16384 - start.size() - 4) + "\r\n\r\n"), test::contains("end\n"));
  CHECK_THAT(requests_of(start + repeat("b", 16384 - start.size() - 3) + "\r\n\r\n"),
             test::contains("refused head_too_large"));
  CHECK(head_of(post("Content-Length: 9007199254740992\r\n")).body == BodyFraming::of_length(std::uint64_t{1} << 53));
}

TEST_CASE("requests come out the same however the stream is cut", "[http][reader]") {
  CHECK(requests_of("GET /a?b=c HTTP/1.1\r\nHost: h:80\r\nX-Empty:\r\nx:\t a b \t\r\nX: \xc3\xa4\r\n\r\n") ==
        "GET /a?b=c 1.1\nHost=h:80\nX-Empty=\nx=a b\nX=\xc3\xa4\nend\n");
  CHECK(requests_of(post("Content-Length: 5\r\n", "hello")) ==
        "POST / 1.1\nHost=h\nContent-Length=5\nbody hello\nend\n");
  CHECK(requests_of(post("Content-Length: 0\r\n")) == "POST / 1.1\nHost=h\nContent-Length=0\nend\n");
  CHECK(requests_of(chunked("5;x=y\r\nhello\r\n00000003 ;q=\"a b\"\r\n wo\r\n0\r\nX-Sum: 1\r\n\r\n")) ==
        "POST / 1.1\nHost=h\nTransfer-Encoding=chunked\nbody hello wo\nend\n");
  CHECK(requests_of("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == "GET / 1.1\nHost=h\nend\n");
  CHECK(requests_of("BREW /pot HTTP/1.0\r\n\r\n") == "BREW /pot 1.0\nend\n");
  CHECK(requests_of("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n") == "OPTIONS * 1.1\nHost=h\nend\n");
}

TEST_CASE("pipelined requests come one after another", "[http][reader]") {
  CHECK(requests_of(post("Content-Length: 2\r\n", "ab") + chunked("1\r\nc\r\n0\r\n\r\n") + get("", "/last")) ==
        "POST / 1.1\nHost=h\nContent-Length=2\nbody ab\nend\n"
        "POST / 1.1\nHost=h\nTransfer-Encoding=chunked\nbody c\nend\n"
        "GET /last 1.1\nHost=h\nend\n");
}

TEST_CASE("stray characters that browsers send in queries pass", "[http][reader]") {
  CHECK(head_of(get("", "/a?x=|^{}%&y=\\%zz")).query() == "x=|^{}%&y=\\%zz");
}

TEST_CASE("an absolute target is reduced to its path", "[http][reader]") {
  CHECK(head_of(get("", "http://h/a?b")).target == "/a?b");
  CHECK(head_of(get("", "HTTP://H")).target == "/");
  CHECK(head_of(get("", "https://h?b")).target == "/?b");
}

TEST_CASE("the authority of an absolute target is the Host of a head without one", "[http][reader]") {
  CHECK(head_of("GET http://example.org:81/a HTTP/1.0\r\n\r\n").host() == "example.org:81");
  CHECK(head_of("GET http://example.org/a HTTP/1.0\r\nHost: Example.org\r\n\r\n").host() == "Example.org");
  CHECK(head_of(get("", "http://h/a")).headers.count("Host") == 1);
  CHECK_FALSE(head_of("GET /a HTTP/1.0\r\n\r\n").headers.has("Host"));
}

TEST_CASE("whether the peer keeps the connection is read from version and Connection", "[http][reader]") {
  CHECK(head_of(get("")).keep_alive);
  CHECK_FALSE(head_of(get("Connection: foo, Close\r\n")).keep_alive);
  CHECK_FALSE(head_of("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CHECK(head_of("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  CHECK_FALSE(head_of(get("Connection: keep-alive\r\nConnection: close\r\n")).keep_alive);
}

TEST_CASE("100-continue counts on HTTP/1.1 with a body only", "[http][reader]") {
  CHECK(head_of(post("Expect: 100-Continue\r\nContent-Length: 1\r\n")).expects_continue);
  CHECK(head_of(post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n")).expects_continue);
  CHECK_FALSE(head_of(post("Expect: 100-continue\r\n")).expects_continue);
  CHECK_FALSE(head_of("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expects_continue);
}

TEST_CASE("an upgrade offer is put in its class", "[http][reader]") {
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string offer = "Connection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n";
  const auto upgrade_of = [](const std::string& fields) { return head_of(get(fields)).upgrade; };

  CHECK(upgrade_of("") == UpgradeOffer::kNone);
  CHECK(upgrade_of(offer + key + version) == UpgradeOffer::kWebSocket);
  CHECK(upgrade_of(offer + key + version + "Content-Length: 0\r\n") == UpgradeOffer::kWebSocket);
  CHECK(upgrade_of(offer + key) == UpgradeOffer::kBadVersion);
  CHECK(upgrade_of(offer + key + "Sec-WebSocket-Version: 8\r\n") == UpgradeOffer::kBadVersion);
  CHECK(upgrade_of(offer + key + version + version) == UpgradeOffer::kBadVersion);
  CHECK(upgrade_of(offer + version) == UpgradeOffer::kBadKey);
  CHECK(upgrade_of(offer + key + key + version) == UpgradeOffer::kBadKey);
  CHECK(upgrade_of(offer + version + "Sec-WebSocket-Key: c2hvcnQ=\r\n") == UpgradeOffer::kBadKey);
  CHECK(upgrade_of(offer + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n") == UpgradeOffer::kBadKey);
  CHECK(upgrade_of("Upgrade: websocket\r\n" + key + version) == UpgradeOffer::kOther);
  CHECK(upgrade_of("Connection: Upgrade\r\nUpgrade: h2c\r\n") == UpgradeOffer::kOther);
  CHECK(head_of("POST / HTTP/1.1\r\nHost: h\r\n" + offer + key + version + "\r\n").upgrade == UpgradeOffer::kOther);
  CHECK(head_of("GET / HTTP/1.0\r\n" + offer + key + version + "\r\n").upgrade == UpgradeOffer::kOther);
}

TEST_CASE("bytes behind a request stay untaken", "[http][reader]") {
  const ReaderLimits limits;
  RequestReader reader(limits);
  test::StreamReading reading(reader);
  reading.feed(get("") + "\x81\x80 early");
  CHECK(reading.untaken() == "\x81\x80 early");
}

TEST_CASE("body bytes that are not used are shown again", "[http][reader]") {
  const ReaderLimits limits;
  RequestReader reader(limits);
  std::string stream = chunked("5\r\nhello\r\n0\r\n\r\n");
  MutableBytes input(reinterpret_cast<std::byte*>(stream.data()), stream.size());
  ReadStep step = reader.read(input);
  REQUIRE(step.event == ReadEvent::kHead);
  input = input.subspan(step.taken);
  std::string body;
  while ((step = reader.read(input)).event == ReadEvent::kBody) {
    input = input.subspan(step.taken);
    body += as_text(step.body.first(1));
    reader.body_taken(1);
    input = input.subspan(1);
  }
  CHECK(step.event == ReadEvent::kEnd);
  CHECK(body == "hello");
}

}  // namespace hubgate::http
