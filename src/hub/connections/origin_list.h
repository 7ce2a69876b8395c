#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hubgate/result.h>

#include "common/http/message.h"

namespace hubgate::hub {

/// Whose pages may use one path from a browser: one list for HTTP (CORS) and WebSockets, which have no CORS and are
/// checked here. Without entries a page must come from the server itself, so that another site's page cannot speak with
/// the cookies of its visitor. A request without Origin is no page's. A value.
class OriginList {
 public:
  OriginList() = default;
  /// Entries are "https://app.example", with ":port" unless it is the scheme's own; "https://*.example" for every name
  /// below; "*" for everybody, who then gets no credentials over HTTP. Case does not matter. Errors, kInvalid, name the
  /// entry.
  static Result<OriginList> make(const std::vector<std::string>& entries);

  enum class Verdict : std::uint8_t {
    kNoPage,   // no Origin: a program, which no list binds
    kAllowed,  // by name, or the server's own page
    kAnybody,  // by "*" alone
    kRefused,
  };
  /// `from_front`: the head comes from our proxy, whose X-Forwarded-Host names what the client asked for.
  Verdict judge(const http::RequestHead& head, bool from_front) const;

  /// What an answer to such a request says; nothing for kNoPage and kRefused but Vary.
  void describe(Verdict verdict, const http::RequestHead& head, http::Headers& answer) const;
  /// Answers a preflight: the methods and fields that a client may use.
  static void describe_preflight(const http::RequestHead& head, http::Headers& answer);

 private:
  std::vector<std::string> exact_;     // in small letters, without the scheme's own port
  std::vector<std::string> suffixes_;  // "https://" and ".example", joined by '*'
  bool anybody_ = false;
};

}  // namespace hubgate::hub
