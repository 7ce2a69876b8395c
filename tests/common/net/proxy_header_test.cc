#include "common/net/proxy_header.h"

#include <string>

#include "common/net/proxy_header_receiver.h"
#include "tests/support/catch.h"
#include "tests/support/manual_timers.h"
#include "tests/support/proxy_header_bytes.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;
using net::ProxyHeader;
using net::ProxyHeaderStep;
using net::read_proxy_header;
using test::proxy_v2;
using test::tlv;
using Outcome = ProxyHeaderStep::Outcome;

namespace {

// What a stream comes to: "client local|bytes behind the header", or "rejected: why", or "more".
std::string outcome_of(std::string_view stream) {
  const ProxyHeaderStep step = read_proxy_header(as_bytes(stream));
  switch (step.outcome) {
    case Outcome::kNeedMore: return "more";
    case Outcome::kRejected: return "rejected: " + std::string(step.why);
    case Outcome::kDone: break;
  }
  const auto text = [](const net::Address& address) { return address.is_empty() ? "-" : address.to_string(); };
  return text(step.header.client) + ' ' + text(step.header.local) + '|' + std::string(stream.substr(step.taken));
}

// The same, told by a reader to whom the stream grows byte by byte.
std::string grown_outcome_of(std::string_view stream) {
  for (std::size_t size = 0; size <= stream.size(); ++size) {
    const std::string outcome = outcome_of(stream.substr(0, size));
    if (outcome == "more") continue;
    if (outcome.starts_with("rejected")) return outcome;
    return outcome + std::string(stream.substr(size));
  }
  return "more";
}

std::string with_crc(std::string header_before, std::string_view crc) {
  // The checksum's addition comes last; its length is in the header already.
  return header_before.replace(header_before.size() - 4, 4, crc);
}

struct Row {
  const char* what;
  std::string stream;
  std::string outcome;
};

std::vector<Row> rows() {
  const std::string v4 = "192.0.2.1:56324 198.51.100.1:443|";
  const std::string rest = "GET / HTTP/1.1\r\n";
  const auto line = [&](const std::string& words) { return "PROXY " + words + "\r\n" + rest; };
  const std::string no_header = "rejected: no PROXY header";
  std::vector<Row> all = {
      {"TCP4", line("TCP4 192.0.2.1 198.51.100.1 56324 443"), v4 + rest},
      {"TCP6", line("TCP6 2001:db8::1 ::1 1 65535"), "[2001:db8::1]:1 [::1]:65535|" + rest},
      {"the longest line of version 1",
       line("TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535"),
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535|" + rest},
      {"UNKNOWN", line("UNKNOWN"), "- -|" + rest},
      {"UNKNOWN with words", line("UNKNOWN ffff:: whatever 1 2"), "- -|" + rest},
      {"UNKNOWN of 107 bytes", line("UNKNOWN " + std::string(91, 'x')), "- -|" + rest},
      {"a line of 108 bytes", line("UNKNOWN " + std::string(92, 'x')), "rejected: too long"},
      {"no end", "PROXY UNKNOWN " + std::string(200, 'x'), "rejected: too long"},
      {"another family's address", line("TCP4 ::1 ::1 1 2"), "rejected: no address"},
      {"an incomplete address", line("TCP4 192.0.2 198.51.100.1 1 2"), "rejected: no address"},
      {"a port too large", line("TCP4 192.0.2.1 198.51.100.1 65536 443"), "rejected: no address"},
      {"a port with a zero before it", line("TCP4 192.0.2.1 198.51.100.1 01 443"), "rejected: no address"},
      {"a port missing", line("TCP4 192.0.2.1 198.51.100.1 56324"), "rejected: fewer than five words"},
      {"a word too many", line("TCP4 192.0.2.1 198.51.100.1 1 2 3"), "rejected: more than five words"},
      {"two spaces", line("TCP4  192.0.2.1 198.51.100.1 1 2"), "rejected: more than five words"},
      {"a space at the end", line("TCP4 192.0.2.1 198.51.100.1 1 2 "), "rejected: more than five words"},
      {"another protocol", line("UDP4 192.0.2.1 198.51.100.1 1 2"), "rejected: unknown protocol"},
      {"a bare line feed", "PROXY UNKNOWN\n" + rest, "rejected: a line feed alone"},
      {"a bare carriage return", "PROXY UNKNOWN\rx\n" + rest, "rejected: a carriage return alone"},
      {"a request", rest, no_header},
      {"a request that begins alike", "PROPFIND / HTTP/1.1\r\n", no_header},
      {"lower case", "proxy UNKNOWN\r\n", no_header},
      {"a TLS hello", std::string("\x16\x03\x01\x02\x00", 5), no_header},
      {"nothing yet", "", "more"},

      {"version 2", proxy_v2("192.0.2.1", 56324, "198.51.100.1", 443) + rest, v4 + rest},
      {"version 2, IPv6", proxy_v2("2001:db8::1", 1, "::1", 65535) + rest, "[2001:db8::1]:1 [::1]:65535|" + rest},
      {"LOCAL", proxy_v2(0x20, 0, "") + rest, "- -|" + rest},
      {"LOCAL with addresses, which do not count",
       proxy_v2(0x20, 0x11, std::string("\1\2\3\4\5\6\7\10\0\1\0\2", 12)) + rest, "- -|" + rest},
      {"LOCAL of an unknown family", proxy_v2(0x20, 0x77, "xx") + rest, "- -|" + rest},
      {"no family", proxy_v2(0x21, 0, "") + rest, "- -|" + rest},
      {"a Unix socket", proxy_v2(0x21, 0x31, std::string(216, 'x')) + rest, "- -|" + rest},
      {"datagrams", proxy_v2(0x21, 0x12, std::string(12, 'x')), "rejected: unknown family"},
      {"an unknown family", proxy_v2(0x21, 0x41, ""), "rejected: unknown family"},
      {"another command", proxy_v2(0x22, 0x11, std::string(12, 'x')), "rejected: unknown command"},
      {"another version", proxy_v2(0x11, 0x11, std::string(12, 'x')), "rejected: unknown version"},
      {"addresses cut", proxy_v2(0x21, 0x11, std::string(11, 'x')), "rejected: the addresses are cut"},
      {"2 KiB", proxy_v2(0x21, 0, tlv(4, std::string(2048 - 16 - 3, 'x'))) + rest, "- -|" + rest},
      {"above 2 KiB", proxy_v2(0x21, 0, tlv(4, std::string(2048 - 16 - 2, 'x'))), "rejected: too long"},
      {"additions",
       proxy_v2("192.0.2.1", 56324, "198.51.100.1", 443,
                tlv(1, "h2") + tlv(5, "id") + tlv(0x20, std::string(5, '\0') + tlv(0x21, "TLSv1.3"))),
       v4},
      {"an addition without its length", proxy_v2(0x21, 0, "\4\1"), "rejected: an addition is cut"},
      {"an addition longer than the header", proxy_v2(0x21, 0, std::string("\4\0\2x", 4)),
       "rejected: an addition is longer than the header"},
      {"an addition inside of TLS's that is longer than it",
       proxy_v2(0x21, 0, tlv(0x20, std::string(5, '\0') + std::string("\x21\0\2x", 4)) + tlv(4, "more")),
       "rejected: an addition is longer than the header"},
      {"TLS's addition cut", proxy_v2(0x21, 0, tlv(0x20, "1234")), "rejected: an addition is cut"},
      {"a long id", proxy_v2(0x21, 0, tlv(5, std::string(129, 'x'))), "rejected: an addition is too long"},
      {"a wrong checksum", proxy_v2(0x21, 0, tlv(3, "abcd")), "rejected: a wrong checksum"},
      {"a checksum of three bytes", proxy_v2(0x21, 0, tlv(3, "abc")), "rejected: a bad checksum"},
  };
  // Of the header with four zeros in the checksum's place, reckoned by another implementation.
  const std::string summed = proxy_v2("192.0.2.1", 56324, "198.51.100.1", 443, tlv(3, std::string(4, '\0')));
  all.push_back({"a checksum", with_crc(summed, std::string_view("\x73\x7e\xe9\x19", 4)) + rest, v4 + rest});
  return all;
}

}  // namespace

TEST_CASE("a PROXY header has one outcome, whole and however it grows", "[net][proxy_header]") {
  for (const Row& row : rows()) {
    CAPTURE(row.what);
    CHECK(outcome_of(row.stream) == row.outcome);
    CHECK(grown_outcome_of(row.stream) == row.outcome);
  }
}

namespace {

struct Receiving {
  explicit Receiving(Duration time = std::chrono::seconds(5)) {
    receiver = std::make_unique<net::ProxyHeaderReceiver>(loop, timers, std::move(pair.a), time,
                                                          [this](Result<ProxyHeader> header, Descriptor given) {
                                                            outcome.emplace(std::move(header));
                                                            socket = std::move(given);
                                                            loop.dispose_value(std::move(receiver));
                                                          });
  }
  void send(std::string_view bytes) {
    test::write_all(pair.b.get(), bytes);
    loop.turn(false);
    loop.turn(false);
  }
  event::Loop loop;
  test::ManualTimers timers;
  test::SocketPair pair;
  std::optional<Result<ProxyHeader>> outcome;
  Descriptor socket;
  std::unique_ptr<net::ProxyHeaderReceiver> receiver;
};

}  // namespace

TEST_CASE("the receiver takes the header and leaves every byte behind it in the socket", "[net][proxy_header]") {
  const std::string header = proxy_v2("192.0.2.1", 56324, "198.51.100.1", 443);
  const std::string rest = "the client's own";
  const std::string stream = header + rest;
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    Receiving receiving;
    if (cut > 0) receiving.send(std::string_view(stream).substr(0, cut));
    if (cut < stream.size()) receiving.send(std::string_view(stream).substr(cut));
    REQUIRE(receiving.outcome);
    REQUIRE(*receiving.outcome);
    CHECK((*receiving.outcome)->client.to_string() == "192.0.2.1:56324");
    CHECK(test::read_available(receiving.socket.get()) == rest);
  }
}

TEST_CASE("the receiver closes what sends no header, too late a one, or none to its end", "[net][proxy_header]") {
  Receiving wrong;
  wrong.send("GET / HTTP/1.1\r\n");
  REQUIRE(wrong.outcome);
  CHECK(wrong.outcome->error().code == ErrorCode::kInvalid);
  CHECK_FALSE(wrong.socket.is_open());

  Receiving late;
  late.send("PROXY UNKN");
  late.timers.advance(std::chrono::milliseconds(4999));
  CHECK_FALSE(late.outcome);
  late.timers.advance(std::chrono::milliseconds(1));
  REQUIRE(late.outcome);
  CHECK(late.outcome->error().code == ErrorCode::kTimeout);

  Receiving ended;
  ended.send("PROXY UNKN");
  ended.pair.b.reset();
  ended.loop.turn(false);
  REQUIRE(ended.outcome);
  CHECK(ended.outcome->error().code == ErrorCode::kClosed);
}
