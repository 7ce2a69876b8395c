#include "proxy/routing/negotiate_token.h"

#include <array>
#include <utility>

#include "common/base/ascii.h"
#include "common/http/uri.h"

namespace hubgate::proxy {
namespace {

constexpr int kMostDepth = 32;

// The members that say where the token is. What others there are is only read over.
enum Member : std::size_t { kUrl, kVersion, kId, kToken, kMemberCount };
constexpr std::array<std::string_view, kMemberCount> kNames = {"url", "negotiateVersion", "connectionId",
                                                               "connectionToken"};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Reads over JSON text by its grammar. Each function takes one thing and says whether it was there.
class JsonScanner {
 public:
  enum class Kind { kString, kNumber, kLiteral, kContainer };
  struct Value {
    Kind kind = Kind::kLiteral;
    std::size_t begin = 0;  // of a string: behind its quote
    std::size_t end = 0;    // of a string: at its quote
  };

  explicit JsonScanner(std::string_view text) : text_(text) {}

  std::size_t place() const { return place_; }
  std::string_view text_of(const Value& value) const { return text_.substr(value.begin, value.end - value.begin); }
  bool at_end() const { return place_ == text_.size(); }

  void spaces() {
    while (!at_end() &&
           (text_[place_] == ' ' || text_[place_] == '\t' || text_[place_] == '\n' || text_[place_] == '\r'))
      ++place_;
  }
  bool take(char c) {
    if (at_end() || text_[place_] != c) return false;
    ++place_;
    return true;
  }

  bool string(Value& into) {
    if (!take('"')) return false;
    into = {Kind::kString, place_, place_};
    while (!at_end()) {
      const char c = text_[place_++];
      if (c == '"') {
        into.end = place_ - 1;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

  bool value(Value& into, int depth) {
    if (at_end()) return false;
    into.begin = place_;
    switch (text_[place_]) {
      case '"': return string(into);
      case '{':
      case '[': into.kind = Kind::kContainer; return container(depth);
      case 't': into.kind = Kind::kLiteral; return literal(into, "true");
      case 'f': into.kind = Kind::kLiteral; return literal(into, "false");
      case 'n': into.kind = Kind::kLiteral; return literal(into, "null");
      default: into.kind = Kind::kNumber; return number(into);
    }
  }

 private:
  bool escape() {
    if (at_end()) return false;
    const char c = text_[place_++];
    if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    for (int i = 0; i < 4; ++i, ++place_) {
      if (at_end() || hex_digit(text_[place_]) < 0) return false;
    }
    return true;
  }

  bool literal(Value& into, std::string_view word) {
    if (text_.substr(place_, word.size()) != word) return false;
    place_ += word.size();
    into.end = place_;
    return true;
  }

  bool digits() {
    const std::size_t begin = place_;
    while (!at_end() && is_digit(text_[place_])) ++place_;
    return place_ > begin;
  }
  bool number(Value& into) {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    into.end = place_;
    return true;
  }

  bool container(int depth) {
    if (depth >= kMostDepth) return false;
    const bool is_object = text_[place_++] == '{';
    const char closing = is_object ? '}' : ']';
    spaces();
    if (take(closing)) return true;
    while (true) {
      Value part;
      if (is_object) {
        if (!string(part)) return false;
        spaces();
        if (!take(':')) return false;
        spaces();
      }
      if (!value(part, depth + 1)) return false;
      spaces();
      if (take(closing)) return true;
      if (!take(',')) return false;
      spaces();
    }
  }

  std::string_view text_;
  std::size_t place_ = 0;
};

// Whether a raw string of JSON, which is known to be one, says `plain`, which is ASCII.
bool says(std::string_view raw, std::string_view plain) {
  for (const char wanted : plain) {
    if (raw.empty()) return false;
    int code = static_cast<unsigned char>(raw[0]);
    std::size_t length = 1;
    if (raw[0] == '\\') {
      length = raw[1] == 'u' ? 6 : 2;
      code = raw[1];
      if (raw[1] == 'u') {
        code = 0;
        for (const char c : raw.substr(2, 4)) code = code * 16 + hex_digit(c);
      } else if (raw[1] != '"' && raw[1] != '\\' && raw[1] != '/') {
        return false;  // a control character
      }
    }
    if (code != wanted) return false;
    raw.remove_prefix(length);
  }
  return raw.empty();
}

Error unreadable(std::string what) { return make_error(ErrorCode::kInvalid, std::move(what), Side::kUpstream); }

// A number that is not below one: what it begins with tells, since exponents are for nobody's version.
Result<bool> is_from_one_on(std::string_view number) {
  if (number.find_first_of(".eE") != std::string_view::npos) return unreadable("negotiateVersion is no whole number");
  return number[0] != '-' && number[0] != '0';
}

using Members = std::array<std::optional<JsonScanner::Value>, kMemberCount>;

Result<std::optional<std::size_t>> token_of(const JsonScanner& scanner, const Members& members) {
  using Kind = JsonScanner::Kind;
  const auto is_there = [&](Member member) {
    return members[member] && !(members[member]->kind == Kind::kLiteral && scanner.text_of(*members[member]) == "null");
  };
  if (is_there(kUrl)) {
    // To an empty one some clients go and others do not.
    if (members[kUrl]->kind != Kind::kString || scanner.text_of(*members[kUrl]).empty()) {
      return unreadable("url is no address");
    }
    return std::optional<std::size_t>();
  }
  Member token = kId;
  if (is_there(kVersion)) {
    if (members[kVersion]->kind != Kind::kNumber) return unreadable("negotiateVersion is no number");
    const Result<bool> has_token = is_from_one_on(scanner.text_of(*members[kVersion]));
    if (!has_token) return has_token.error();
    if (*has_token) token = kToken;
  }
  if (!is_there(token)) return std::optional<std::size_t>();
  if (members[token]->kind != Kind::kString) return unreadable(std::string(kNames[token]) + " is no text");
  return std::optional<std::size_t>(members[token]->begin);
}

}  // namespace

Result<std::optional<std::size_t>> find_negotiate_token(std::string_view json) {
  const auto no_object = [] { return unreadable("the body is no JSON object"); };
  JsonScanner scanner(json);
  Members members;
  scanner.spaces();
  if (!scanner.take('{')) return no_object();
  scanner.spaces();
  for (bool more = !scanner.take('}'); more;) {
    JsonScanner::Value name;
    JsonScanner::Value value;
    if (!scanner.string(name)) return no_object();
    scanner.spaces();
    if (!scanner.take(':')) return no_object();
    scanner.spaces();
    if (!scanner.value(value, 1)) return no_object();
    scanner.spaces();
    for (std::size_t i = 0; i < kMemberCount; ++i) {
      if (!says(scanner.text_of(name), kNames[i])) continue;
      if (members[i]) return unreadable(std::string(kNames[i]) + " is there twice");
      members[i] = value;
    }
    more = scanner.take(',');
    if (!more && !scanner.take('}')) return no_object();
    scanner.spaces();
  }
  scanner.spaces();
  if (!scanner.at_end()) return no_object();
  return token_of(scanner, members);
}

std::string without_tag(std::string_view query, std::size_t length) {
  std::size_t begin = 0;
  while (begin <= query.size()) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::size_t equals = query.find('=', begin);
    // One pair alone, judged by whoever reads queries: the names agree with theirs, however they are spelled.
    if (equals < end && http::query_value(query.substr(begin, end - begin), "id")) {
      std::size_t place = equals + 1;
      for (std::size_t i = 0; i < length; ++i) {
        if (place >= end) return std::string(query);
        const bool is_triplet = query[place] == '%' && end - place >= 3 && hex_digit(query[place + 1]) >= 0 &&
                                hex_digit(query[place + 2]) >= 0;
        place += is_triplet ? 3 : 1;
      }
      return std::string(query.substr(0, equals + 1)).append(query.substr(place));
    }
    begin = end + 1;
  }
  return std::string(query);
}

}  // namespace hubgate::proxy
