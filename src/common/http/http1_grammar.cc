#include "common/http/http1_grammar.h"

#include <array>
#include <cstring>

#include "common/base/ascii.h"

namespace hubgate::http {
namespace {

// What a byte may be part of. One table, so that a line is looked at once, byte by byte, without branches on ranges.
enum : std::uint8_t { kToken = 1, kValue = 2, kTargetByte = 4 };

constexpr std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    std::uint8_t bits = 0;
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    bool token = alpha || digit;
    for (const char other : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
      token = token || c == static_cast<unsigned char>(other);
    }
    if (token) bits |= kToken;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kValue;
    if (c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>') bits |= kTargetByte;
    table[c] = bits;
  }
  return table;
}
constexpr std::array<std::uint8_t, 256> kTable = make_table();

bool is(char c, std::uint8_t what) { return (kTable[static_cast<unsigned char>(c)] & what) != 0; }

std::size_t count_while(std::string_view text, std::uint8_t what) {
  std::size_t i = 0;
  while (i < text.size() && is(text[i], what)) ++i;
  return i;
}

}  // namespace

bool is_token_char(char c) noexcept { return is(c, kToken); }
bool is_token(std::string_view text) noexcept { return !text.empty() && count_while(text, kToken) == text.size(); }
bool is_field_value(std::string_view text) noexcept { return count_while(text, kValue) == text.size(); }
bool is_target_char(char c) noexcept { return is(c, kTargetByte); }

bool is_valid_field(std::string_view name, std::string_view value) noexcept {
  return is_token(name) && is_field_value(value) && trim(value).size() == value.size();
}

CutLine cut_line(std::string_view input, std::size_t max) noexcept {
  const void* found = input.empty() ? nullptr : std::memchr(input.data(), '\n', input.size());
  const std::size_t end =
      found == nullptr ? input.size() : static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  // A CR at the end belongs to the line's end, or will when its LF comes.
  const bool has_cr = end > 0 && input[end - 1] == '\r';
  const std::size_t size = has_cr ? end - 1 : end;
  if (size > max) return {CutLine::Outcome::kTooLong, input.substr(0, max + 1), 0};
  if (found == nullptr) return {CutLine::Outcome::kNeedMore, {}, 0};
  if (!has_cr) return {CutLine::Outcome::kBareLf, {}, 0};
  return {CutLine::Outcome::kLine, input.substr(0, size), end + 1};
}

FieldLine parse_field_line(std::string_view line) noexcept {
  const auto rejected = [](Rejection why) { return FieldLine{why, {}, {}}; };
  if (!line.empty() && (line.front() == ' ' || line.front() == '\t')) return rejected(Rejection::kObsFold);
  const std::size_t name_size = count_while(line, kToken);
  if (name_size == line.size()) return rejected(Rejection::kNoColon);
  if (line[name_size] != ':' || name_size == 0) {
    if (line[name_size] == '\r') return rejected(Rejection::kBareCr);
    return rejected(line.find(':') == std::string_view::npos ? Rejection::kNoColon : Rejection::kFieldName);
  }
  const std::string_view value = line.substr(name_size + 1);
  const std::size_t good = count_while(value, kValue);
  if (good != value.size()) return rejected(value[good] == '\r' ? Rejection::kBareCr : Rejection::kFieldValue);
  return {Rejection::kNone, line.substr(0, name_size), trim(value)};
}

std::optional<std::uint64_t> parse_content_length(std::string_view text) noexcept {
  constexpr std::uint64_t kMax = 1ULL << 53;  // what a double holds exactly: no peer reads another number
  const std::optional<std::uint64_t> length = parse_decimal(text);
  if (!length || *length > kMax) return std::nullopt;
  return length;
}

}  // namespace hubgate::http
