#include "common/http/uri.h"

#include <algorithm>

#include "common/base/ascii.h"

namespace hubgate::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of the triplet at `at`, or -1.
int triplet_at(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size()) return -1;
  const int high = hex_digit(text[at + 1]);
  const int low = hex_digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool is_alnum(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'); }
bool is_unreserved(char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

std::string decode_form(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '%' ? triplet_at(text, i) : -1;
    if (byte >= 0) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

// RFC 3986, 5.2.4, for an absolute path, in place.
void remove_dot_segments(std::string& path) {
  if (path.find("/.") == std::string::npos) return;
  std::string out;
  out.reserve(path.size());
  std::size_t at = 0;  // always at a '/'
  while (at < path.size()) {
    const std::size_t next = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = std::string_view(path).substr(at + 1, next - at - 1);
    const bool is_last = next == path.size();
    if (segment == "." || segment == "..") {
      if (segment == "..") out.erase(out.empty() ? 0 : out.rfind('/'));
      if (is_last) out.push_back('/');
    } else {
      out.push_back('/');
      out.append(segment);
    }
    at = next;
  }
  path.swap(out);
}

}  // namespace

SplitTarget split_target(std::string_view target) noexcept {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}, false};
  return {target.substr(0, mark), target.substr(mark + 1), true};
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int byte = triplet_at(text, i);
    if (byte < 0) return std::nullopt;
    out.push_back(static_cast<char>(byte));
    i += 2;
  }
  return out;
}

std::optional<NormalisedPath> normalise_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  NormalisedPath normalised;
  std::string& text = normalised.text;
  text.reserve(path.size());
  bool has_separator = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') return std::nullopt;
    if (path[i] != '%') {
      text.push_back(path[i]);
      continue;
    }
    const int byte = triplet_at(path, i);
    if (byte <= 0) return std::nullopt;
    i += 2;
    const char c = static_cast<char>(byte);
    if (is_unreserved(c)) {
      text.push_back(c);
      continue;
    }
    static constexpr char kDigits[] = "0123456789ABCDEF";
    text.push_back('%');
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
    has_separator = has_separator || c == '/' || c == '\\';
  }
  remove_dot_segments(text);
  if (has_separator) normalised.encoded_separator = std::min(text.find("%2F"), text.find("%5C"));
  return normalised;
}

std::string with_separators_decoded(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    const int byte = path[i] == '%' ? triplet_at(path, i) : -1;
    const bool is_separator = byte == '/' || byte == '\\';
    out.push_back(is_separator ? '/' : path[i]);
    if (is_separator) i += 2;
  }
  remove_dot_segments(out);
  return out;
}

std::vector<std::string> query_values(std::string_view query, std::string_view key) {
  std::vector<std::string> values;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    const bool plain = name.find_first_of("%+") == std::string_view::npos;
    if (plain ? !equals_ignoring_case(name, key) : !equals_ignoring_case(decode_form(name), key)) continue;
    if (pair.empty()) continue;
    values.push_back(equals == std::string_view::npos ? std::string() : decode_form(pair.substr(equals + 1)));
  }
  return values;
}

std::optional<std::string> query_value(std::string_view query, std::string_view key) {
  std::vector<std::string> values = query_values(query, key);
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

bool is_valid_host(std::string_view host) noexcept {
  std::size_t end = 0;  // of the name
  if (!host.empty() && host.front() == '[') {
    end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    for (const char c : host.substr(1, end - 1)) {
      if (hex_digit(c) < 0 && c != ':' && c != '.') return false;
    }
    ++end;
  } else {
    end = std::min(host.find(':'), host.size());
    if (end == 0) return false;
    for (std::size_t i = 0; i < end; ++i) {
      const char c = host[i];
      if (c == '%') {
        if (triplet_at(host.substr(0, end), i) <= 0) return false;
      } else if (!is_unreserved(c) && std::string_view("!$&'()*+,;=").find(c) == std::string_view::npos) {
        return false;
      }
    }
  }
  const std::string_view port = host.substr(end);
  if (port.empty()) return true;
  return port.front() == ':' && port.size() <= 6 && std::all_of(port.begin() + 1, port.end(), is_digit);
}

}  // namespace hubgate::http
