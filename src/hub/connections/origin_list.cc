#include "hub/connections/origin_list.h"

#include <algorithm>
#include <utility>

#include "common/base/ascii.h"

namespace hubgate::hub {
namespace {

constexpr std::string_view kSchemeEnd = "://";
constexpr std::string_view kMethods = "GET, POST, DELETE";
/// What SignalR's own clients send; a program's own fields are allowed as they are asked for.
constexpr std::string_view kFields = "authorization, content-type, x-requested-with, x-signalr-user-agent";
constexpr std::string_view kPreflightLife = "600";  // seconds
constexpr std::size_t kMaxText = 16 * 1024;         // bytes of one list: it is told to the gateway in one message

bool has_end(std::string_view text, std::string_view end) { return text.size() > end.size() && text.ends_with(end); }

/// In small letters, without the port that the scheme implies.
std::string normalised(std::string_view origin) {
  std::string text = to_lower(origin);
  const bool is_plain = text.starts_with("http://");
  const std::string_view port = is_plain ? ":80" : ":443";
  if ((is_plain || text.starts_with("https://")) && has_end(text, port)) text.resize(text.size() - port.size());
  return text;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' ||
         c == ']';
}

/// Whether the page that says `origin` (normalised) was served under the name that the request has for us.
bool is_own_page(std::string_view origin, std::string_view host) {
  const std::size_t end = origin.find(kSchemeEnd);
  if (end == origin.npos || host.empty()) return false;
  // The request's own scheme is unknown behind a front that speaks TLS for us; the name is what a page cannot choose.
  return origin == normalised(std::string(origin.substr(0, end)) + std::string(kSchemeEnd) + std::string(host));
}

bool is_field_list(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == ',' || c == ' ';
  });
}

}  // namespace

Result<OriginList> OriginList::make(const std::vector<std::string>& entries) {
  OriginList list;
  std::size_t size = 0;
  for (const std::string& entry : entries) {
    size += entry.size();
    if (entry == "*") {
      list.anybody_ = true;
      continue;
    }
    std::string origin = normalised(entry);
    const std::size_t scheme = origin.find(kSchemeEnd);
    const std::string_view text = origin;
    std::string_view host = scheme == origin.npos ? std::string_view() : text.substr(scheme + kSchemeEnd.size());
    const bool is_wild = host.starts_with("*.");
    if (is_wild) host.remove_prefix(1);
    if (scheme == 0 || host.size() < 2 || !std::all_of(host.begin(), host.end(), is_host_character)) {
      return make_error(ErrorCode::kInvalid,
                        "the origin '" + entry + "' is not \"scheme://host\", \"scheme://host:port\" or \"*\"");
    }
    if (!is_wild) {
      list.exact_.push_back(std::move(origin));
    } else {
      list.suffixes_.push_back(std::move(origin));
    }
  }
  if (size > kMaxText) return make_error(ErrorCode::kInvalid, "the origins have more than 16 KiB in all");
  std::sort(list.exact_.begin(), list.exact_.end());
  return list;
}

OriginList::Verdict OriginList::judge(const http::RequestHead& head, bool from_front) const {
  const auto said = head.headers.find("Origin");
  if (!said) return Verdict::kNoPage;
  if (head.headers.count("Origin") > 1) return Verdict::kRefused;  // no browser does
  const std::string origin = normalised(*said);
  if (std::binary_search(exact_.begin(), exact_.end(), origin)) return Verdict::kAllowed;
  const auto forwarded = from_front ? head.headers.find("X-Forwarded-Host") : std::nullopt;
  if (is_own_page(origin, forwarded.value_or(head.headers.get("Host")))) return Verdict::kAllowed;
  for (const std::string_view suffix : suffixes_) {
    const std::size_t star = suffix.find('*');
    const std::string_view text = origin;
    if (text.starts_with(suffix.substr(0, star)) && has_end(text.substr(star), suffix.substr(star + 1))) {
      return Verdict::kAllowed;
    }
  }
  return anybody_ ? Verdict::kAnybody : Verdict::kRefused;
}

void OriginList::describe(Verdict verdict, const http::RequestHead& head, http::Headers& answer) const {
  if (verdict != Verdict::kNoPage || !exact_.empty() || !suffixes_.empty()) answer.add("Vary", "Origin");
  if (verdict == Verdict::kAnybody) answer.add("Access-Control-Allow-Origin", "*");
  if (verdict != Verdict::kAllowed) return;
  // Exactly as it was said: browsers compare byte by byte, and take no "*" with credentials.
  answer.add("Access-Control-Allow-Origin", head.headers.get("Origin"));
  answer.add("Access-Control-Allow-Credentials", "true");
}

void OriginList::describe_preflight(const http::RequestHead& head, http::Headers& answer) {
  answer.add("Access-Control-Allow-Methods", kMethods);
  const std::string_view asked = head.headers.get("Access-Control-Request-Headers");
  answer.add("Access-Control-Allow-Headers", asked.empty() || !is_field_list(asked) ? kFields : asked);
  answer.add("Access-Control-Max-Age", kPreflightLife);
}

}  // namespace hubgate::hub
