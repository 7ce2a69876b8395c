#include "hub/protocol/utf8.h"

#include <simdjson.h>

#include <cstdint>
#include <cstring>

namespace hubgate::hub {

namespace {

bool is_ascii(std::string_view text) noexcept {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, text.data() + i, 8);
    seen |= chunk;
  }
  for (; i < text.size(); ++i) seen |= static_cast<std::uint8_t>(text[i]);
  return (seen & 0x8080808080808080U) == 0;
}

}  // namespace

bool is_valid_utf8(std::string_view text) noexcept {
  return is_ascii(text) || simdjson::validate_utf8(text.data(), text.size());
}

// Table 3-7 of the Unicode standard: which second bytes are well formed after which first ones.
CodePoint decode_utf8(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = at(0);
  if (lead < 0x80) return {lead, 1, true};
  std::size_t size = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
  char32_t value = 0;
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2;
    value = lead & 0x1fU;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3;
    value = lead & 0x0fU;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4;
    value = lead & 0x07U;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return {0xfffd, 1, false};
  }
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size() || at(i) < low || at(i) > high) return {0xfffd, i, false};
    value = value << 6 | (at(i) & 0x3fU);
    low = 0x80;
    high = 0xbf;
  }
  return {value, size, true};
}

void append_utf8(char32_t code_point, std::string& out) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

std::string replace_invalid_utf8(std::string_view text) {
  if (is_valid_utf8(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    if (next.is_valid) {
      out.append(text.substr(0, next.size));
    } else {
      append_utf8(next.value, out);
    }
    text.remove_prefix(next.size);
  }
  return out;
}

}  // namespace hubgate::hub
