#include "common/redis/redis_url.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>

#include "common/base/ascii.h"

namespace hubgate::redis {
namespace {

constexpr std::size_t kMaxPasswordFile = 64 * 1024;  // bytes

Error invalid(std::string_view what) { return make_error(ErrorCode::kInvalid, "Redis address: " + std::string(what)); }

std::optional<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto value = parse_hex(text.substr(i + 1, 2));
    if (!value) return std::nullopt;
    decoded.push_back(static_cast<char>(*value));
    i += 2;
  }
  return decoded;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!starts_with_ignoring_case(text, prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Result<void> set_database(RedisUrl& url, std::string_view text) {
  const auto number = parse_decimal(text);
  if (!number || *number > 1'000'000) return invalid("the database must be a number from 0");
  url.database = static_cast<std::uint32_t>(*number);
  return {};
}

Result<void> set_options(RedisUrl& url, std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view option = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (option.empty()) continue;
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos) return invalid("an option has no value (name=value)");
    const std::string_view name = option.substr(0, equals);
    const auto value = decode_percent(option.substr(equals + 1));
    if (!value) return invalid("an option is not percent-encoded correctly");
    if (name == "password_file") {
      url.password_file = *value;
    } else if (name == "user") {
      url.user = *value;
    } else if (name == "database" || name == "db") {
      if (auto set = set_database(url, *value); !set) return set;
    } else if (name == "ca_file" && url.kind == RedisUrl::Kind::kTls) {
      url.ca_file = *value;
    } else {
      return invalid("unknown option (known: password_file, user, database; ca_file with rediss)");
    }
  }
  return {};
}

Result<void> set_user_and_password(RedisUrl& url, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return invalid("before @ stands user:password or :password");
  const auto user = decode_percent(text.substr(0, colon));
  const auto password = decode_percent(text.substr(colon + 1));
  if (!user || !password) return invalid("user or password is not percent-encoded correctly");
  url.user = *user;
  url.password = *password;
  return {};
}

Result<void> set_host_and_port(RedisUrl& url, std::string_view text) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return invalid("the bracket of an IPv6 address is not closed");
    url.host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return invalid("behind an IPv6 address stands :port");
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    if (colon != text.rfind(':')) return invalid("an IPv6 address stands in brackets, [::1]:6379");
    url.host = text.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
  }
  if (url.host.empty()) return invalid("the host is missing");
  if (has_port) {
    const auto number = parse_decimal(port);
    if (!number || *number == 0 || *number > 65535) return invalid("the port must be a number from 1 to 65535");
    url.port = static_cast<std::uint16_t>(*number);
  }
  return {};
}

}  // namespace

Result<RedisUrl> RedisUrl::parse(std::string_view text) {
  RedisUrl url;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return invalid("it holds a space or a control character");
  }
  if (take_prefix(text, "redis://")) {
    url.kind = Kind::kTcp;
  } else if (take_prefix(text, "rediss://")) {
    url.kind = Kind::kTls;
  } else if (take_prefix(text, "unix:")) {
    url.kind = Kind::kUnix;
  } else {
    return invalid("it must start with redis://, rediss:// or unix:");
  }
  const std::size_t question = text.find('?');
  const std::string_view query = question == std::string_view::npos ? std::string_view{} : text.substr(question + 1);
  text = text.substr(0, question);

  if (url.kind == Kind::kUnix) {
    if (text.starts_with("//")) text.remove_prefix(2);
    const auto path = decode_percent(text);
    if (!path || path->find('\0') != std::string::npos) return invalid("the path is not percent-encoded correctly");
    if (path->empty()) return invalid("the path of the socket is missing (unix:/path)");
    url.path = *path;
  } else {
    // A password may hold '@' or '/' only percent-encoded, a path may not hold '@': the last one is the border.
    const std::size_t at = text.rfind('@');
    if (at != std::string_view::npos) {
      if (auto set = set_user_and_password(url, text.substr(0, at)); !set) return set.error();
      text.remove_prefix(at + 1);
    }
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos) {
      if (slash + 1 < text.size()) {
        if (auto set = set_database(url, text.substr(slash + 1)); !set) return set.error();
      }
      text = text.substr(0, slash);
    }
    if (auto set = set_host_and_port(url, text); !set) return set.error();
  }
  if (auto set = set_options(url, query); !set) return set.error();
  if (!url.password.empty() && !url.password_file.empty())
    return invalid("a password and password_file exclude each other");
  return url;
}

std::string RedisUrl::to_string() const {
  if (kind == Kind::kUnix) return "unix:" + path + (database == 0 ? "" : "?database=" + std::to_string(database));
  std::string text = kind == Kind::kTls ? "rediss://" : "redis://";
  text += host.find(':') == std::string::npos ? host : "[" + host + "]";
  text += ":" + std::to_string(port);
  if (database != 0) text += "/" + std::to_string(database);
  return text;
}

Result<std::string> RedisUrl::read_password() const {
  if (password_file.empty()) return password;
  std::ifstream file(password_file, std::ios::binary);
  if (!file) return make_error(ErrorCode::kNotFound, "cannot read the Redis password file " + password_file);
  std::string text;
  text.resize(kMaxPasswordFile + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxPasswordFile) {
    return make_error(ErrorCode::kTooLarge, "the Redis password file " + password_file + " is larger than 64 KiB");
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) return make_error(ErrorCode::kInvalid, "the Redis password file " + password_file + " is empty");
  return text;
}

}  // namespace hubgate::redis
