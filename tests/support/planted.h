#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hubgate::test {

// What the suite's clients carry, and what no output of any gateway may ever show.

/// Of each client's URLs; as browsers send a bearer token.
inline constexpr std::string_view kPlantedQuery = "access_token=planted-access-token";
/// Fields of each request.
inline constexpr std::string_view kPlantedFields =
    "Authorization: Bearer planted-authorization\r\nCookie: session=planted-cookie\r\n";

/// The first thing that somebody planted, with what stands around it; or a word that is as long as a connection token
/// and made of the same characters. Nothing when `text` is clean.
inline std::optional<std::string> secret_in(std::string_view text) {
  constexpr std::size_t kToken = 46;
  const auto around = [text](std::size_t at) { return std::string(text.substr(at < 200 ? 0 : at - 200, 400)); };
  if (const std::size_t at = text.find("planted-"); at != text.npos) return around(at);
  std::size_t run = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_of_tokens =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    run = is_of_tokens ? run + 1 : 0;
    if (run == kToken) return around(i);
  }
  return std::nullopt;
}

}  // namespace hubgate::test
