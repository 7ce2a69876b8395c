#include "common/http/head_check.h"

#include "common/base/ascii.h"
#include "common/base/base64.h"
#include "common/http/http1_grammar.h"
#include "common/http/status.h"

namespace hubgate::http {
namespace {

// What the fields that matter here said. Collected in one pass over a head.
struct Facts {
  int hosts = 0;
  std::string_view host;
  int lengths = 0;  // lines, and further list elements
  std::string_view length;
  int encodings = 0;
  std::string_view encoding;
  bool says_close = false;
  bool says_keep_alive = false;
  bool says_upgrade = false;
  bool nominates_forbidden = false;
  bool expects_continue = false;
  bool expects_other = false;
  bool has_upgrade = false;
  bool offers_websocket = false;
  int keys = 0;
  std::string_view key;
  int versions = 0;
  std::string_view version;
};

void note_connection_option(Facts& facts, std::string_view option) {
  const auto is = [&](std::string_view name) { return equals_ignoring_case(option, name); };
  if (is("close")) facts.says_close = true;
  if (is("keep-alive")) facts.says_keep_alive = true;
  if (is("upgrade")) facts.says_upgrade = true;
  // Nominated, they would be taken off on the way: each changes what the request means or who it is from.
  if (is("Host") || is("Content-Length") || is("Cookie") || is("Authorization")) facts.nominates_forbidden = true;
}

void note(Facts& facts, const Headers::Field& field) {
  const auto is = [&](std::string_view name) { return equals_ignoring_case(field.name, name); };
  // Sizes first: nearly all fields are decided by it.
  switch (field.name.size()) {
    case 4:
      if (!is("Host")) return;
      ++facts.hosts;
      facts.host = field.value;
      return;
    case 6:
      if (!is("Expect")) return;
      (equals_ignoring_case(field.value, "100-continue") ? facts.expects_continue : facts.expects_other) = true;
      return;
    case 7:
      if (!is("Upgrade")) return;
      facts.has_upgrade = true;
      for_each_element(field.value, [&](std::string_view protocol) {
        facts.offers_websocket = facts.offers_websocket || equals_ignoring_case(protocol, "websocket");
      });
      return;
    case 10:
      if (!is("Connection")) return;
      for_each_element(field.value, [&](std::string_view option) { note_connection_option(facts, option); });
      return;
    case 14:
      if (!is("Content-Length")) return;
      ++facts.lengths;
      if (field.value.find(',') != std::string_view::npos) ++facts.lengths;
      facts.length = field.value;
      return;
    case 17:
      if (is("Transfer-Encoding")) {
        ++facts.encodings;
        facts.encoding = field.value;
      } else if (is("Sec-WebSocket-Key")) {
        ++facts.keys;
        facts.key = field.value;
      }
      return;
    case 21:
      if (!is("Sec-WebSocket-Version")) return;
      ++facts.versions;
      facts.version = field.value;
      return;
    default: return;
  }
}

Facts facts_of(const Headers& headers) {
  Facts facts;
  for (const Headers::Field field : headers) note(facts, field);
  return facts;
}

// The framing that both kinds of head have in common.
Rejection read_framing(const Facts& facts, int minor_version, BodyFraming& body) {
  if (facts.encodings > 0) {
    if (facts.lengths > 0) return Rejection::kLengthAndEncoding;
    if (minor_version == 0) return Rejection::kEncodingOnHttp10;
    if (facts.encodings > 1 || !equals_ignoring_case(facts.encoding, "chunked")) return Rejection::kTransferEncoding;
    body = BodyFraming::chunked();
    return Rejection::kNone;
  }
  if (facts.lengths > 1) return Rejection::kContentLengthRepeated;
  if (facts.lengths == 1) {
    const auto length = parse_content_length(facts.length);
    if (!length) return Rejection::kContentLength;
    body = BodyFraming::of_length(*length);
  }
  return Rejection::kNone;
}

bool wants_keep_alive(const Facts& facts, int minor_version) {
  return !facts.says_close && (minor_version > 0 || facts.says_keep_alive);
}

Rejection check_host(const Facts& facts, const RequestHead& head, std::string_view authority) {
  if (facts.hosts > 1) return Rejection::kHostRepeated;
  if (facts.host.empty()) {
    if (head.minor_version > 0) return Rejection::kHostMissing;
  } else if (!is_valid_host(facts.host)) {
    return Rejection::kHostInvalid;
  }
  if (!authority.empty()) {
    if (facts.hosts == 0) return is_valid_host(authority) ? Rejection::kNone : Rejection::kHostInvalid;
    if (!equals_ignoring_case(authority, facts.host)) return Rejection::kHostMismatch;
  }
  return Rejection::kNone;
}

bool is_valid_key(std::string_view key) {
  const auto bytes = base64_decode(key);
  return bytes && bytes->size() == 16;
}

UpgradeOffer classify_offer(const Facts& facts, const RequestHead& head) {
  if (!facts.has_upgrade) return UpgradeOffer::kNone;
  const bool is_websocket =
      facts.offers_websocket && facts.says_upgrade && head.minor_version > 0 && head.method == "GET";
  if (!is_websocket) return UpgradeOffer::kOther;
  if (facts.versions != 1 || facts.version != "13") return UpgradeOffer::kBadVersion;
  if (facts.keys != 1 || !is_valid_key(facts.key)) return UpgradeOffer::kBadKey;
  return UpgradeOffer::kWebSocket;
}

}  // namespace

Rejection check_request_head(RequestHead& head, std::string_view authority) {
  const Facts facts = facts_of(head.headers);
  if (const Rejection why = check_host(facts, head, authority); why != Rejection::kNone) return why;
  if (const Rejection why = read_framing(facts, head.minor_version, head.body); why != Rejection::kNone) return why;
  if (facts.nominates_forbidden) return Rejection::kConnectionOption;
  if (facts.expects_other) return Rejection::kExpectation;
  head.keep_alive = wants_keep_alive(facts, head.minor_version);
  // HTTP/1.0 knows no 100, and without a body there is nothing to wait for.
  head.expects_continue = facts.expects_continue && head.minor_version > 0 && !head.body.is_empty();
  head.upgrade = classify_offer(facts, head);
  if (offers_websocket(head.upgrade) && !head.body.is_empty()) return Rejection::kUpgradeWithBody;
  // Last: the facts are views into the fields.
  if (facts.hosts == 0 && !authority.empty()) head.headers.add("Host", authority);
  return Rejection::kNone;
}

Rejection check_response_head(ResponseHead& head) {
  const Facts facts = facts_of(head.headers);
  head.body = BodyFraming::none();
  if (const Rejection why = read_framing(facts, head.minor_version, head.body); why != Rejection::kNone) return why;
  head.keep_alive = wants_keep_alive(facts, head.minor_version);
  if (allows_body(head.status) && head.body.kind == BodyKind::kNone) head.body = BodyFraming::until_close();
  return Rejection::kNone;
}

}  // namespace hubgate::http
