#include "proxy/session/static_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "common/base/ascii.h"
#include "common/http/http1_grammar.h"
#include "common/http/uri.h"
#include "common/http_server/server_connection.h"

namespace hubgate::proxy {
namespace {

constexpr std::size_t kPiece = 32 * 1024;  // bytes read from a file at once

struct MediaType {
  std::string_view ending;
  std::string_view type;
};
constexpr std::array kMediaTypes{
    MediaType{".html", "text/html; charset=utf-8"},
    MediaType{".js", "text/javascript; charset=utf-8"},
    MediaType{".mjs", "text/javascript; charset=utf-8"},
    MediaType{".css", "text/css; charset=utf-8"},
    MediaType{".json", "application/json"},
    MediaType{".map", "application/json"},
    MediaType{".webmanifest", "application/manifest+json"},
    MediaType{".svg", "image/svg+xml"},
    MediaType{".png", "image/png"},
    MediaType{".jpg", "image/jpeg"},
    MediaType{".jpeg", "image/jpeg"},
    MediaType{".gif", "image/gif"},
    MediaType{".webp", "image/webp"},
    MediaType{".ico", "image/x-icon"},
    MediaType{".txt", "text/plain; charset=utf-8"},
    MediaType{".md", "text/plain; charset=utf-8"},
    MediaType{".xml", "application/xml"},
    MediaType{".pdf", "application/pdf"},
    MediaType{".woff", "font/woff"},
    MediaType{".woff2", "font/woff2"},
    MediaType{".wasm", "application/wasm"},
};

// The name below the folder; nothing when it may not be one. An empty name is the folder itself.
std::optional<std::string> name_below(std::string_view prefix, std::string_view path) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  std::string_view rest = path.substr(std::min(prefix.size(), path.size()));
  if (rest.starts_with('/')) rest.remove_prefix(1);  // one: "//sub" is another path, and a redirect to it another host
  // Decoded once, and only now: a dot that was hidden by encoding is judged as what it is.
  std::optional<std::string> name = http::percent_decode(rest);
  if (!name || name->find('\0') != std::string::npos) return std::nullopt;
  if (std::count(name->begin(), name->end(), '/') != std::count(rest.begin(), rest.end(), '/')) return std::nullopt;
  for (std::size_t at = 0; at < name->size();) {
    const std::size_t end = std::min(name->find('/', at), name->size());
    // "..", ".git", ".env": nothing that begins with a dot; no empty segment either, so that one file has one path.
    if (at == end || (*name)[at] == '.') return std::nullopt;
    at = end + 1;
  }
  if (name->find('\\') != std::string::npos) return std::nullopt;
  return name;
}

Descriptor open_below(int folder, const std::string& name, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NONBLOCK;  // a FIFO in the folder must not stop us
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return Descriptor(static_cast<int>(::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how)));
}

void append_hex(std::string& text, std::uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 16> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = kDigits[number & 15U];
    number >>= 4U;
  } while (number > 0);
  while (count > 0) text += digits[--count];
}

std::string etag_of(const struct stat& facts) {
  std::string etag = "\"";
  append_hex(etag, facts.st_ino);
  etag += '-';
  append_hex(etag, static_cast<std::uint64_t>(facts.st_size));
  etag += '-';
  append_hex(etag, static_cast<std::uint64_t>(facts.st_mtim.tv_sec) * 1'000'000'000U +
                       static_cast<std::uint64_t>(facts.st_mtim.tv_nsec));
  return etag + '"';
}

// If-None-Match compares weakly (RFC 9110, 13.1.2).
bool is_known_to_client(const http::Headers& headers, std::string_view etag) {
  bool known = false;
  for (const http::Headers::Field field : headers) {
    if (!equals_ignoring_case(field.name, "If-None-Match")) continue;
    http::for_each_element(field.value, [&](std::string_view element) {
      if (element.starts_with("W/")) element.remove_prefix(2);
      known = known || element == "*" || element == etag;
    });
  }
  return known;
}

}  // namespace

std::string_view media_type_of(std::string_view name) noexcept {
  for (const MediaType& known : kMediaTypes) {
    if (name.size() > known.ending.size() &&
        equals_ignoring_case(name.substr(name.size() - known.ending.size()), known.ending)) {
      return known.type;
    }
  }
  return "application/octet-stream";
}

StaticFile find_static_file(const std::string& folder, std::string_view prefix, std::string_view path,
                            const http::RequestHead& head) {
  StaticFile found;
  if (head.method == "OPTIONS" || (head.method != "GET" && !head.is_head())) {
    found.status = head.method == "OPTIONS" ? 204 : 405;
    return found;
  }
  std::optional<std::string> name = name_below(prefix, path);
  if (!name) return found;
  const Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return found;

  const bool asks_folder = name->empty() || name->back() == '/';
  if (asks_folder) {
    if (!path.ends_with('/')) {  // the route's own prefix without its slash
      found.status = 308;
      found.location = std::string(path) + "/";
      return found;
    }
    *name += "index.html";
  }
  Descriptor file = open_below(root.get(), *name, O_RDONLY);
  struct stat facts{};
  if (!file.is_open() || ::fstat(file.get(), &facts) != 0) return found;
  if (S_ISDIR(facts.st_mode) && !asks_folder) {
    found.status = 308;  // so that relative links in its index.html are right
    found.location = std::string(path) + "/";
    return found;
  }
  if (!S_ISREG(facts.st_mode)) return found;
  found.etag = etag_of(facts);
  found.type = media_type_of(*name);
  found.size = static_cast<std::uint64_t>(facts.st_size);
  found.status = is_known_to_client(head.headers, found.etag) ? 304 : 200;
  if (found.status == 200) found.file = std::move(file);
  return found;
}

FileAnswer::Progress FileAnswer::send() {
  if (!started_) {
    started_ = true;
    http::ResponseHead head;
    head.status = 200;
    head.body = http::BodyFraming::of_length(file_.size);
    head.headers.add("Content-Type", file_.type);
    head.headers.add("ETag", file_.etag);
    // Kept, but asked for each time: the files of a folder change under their names.
    head.headers.add("Cache-Control", "no-cache");
    head.headers.add("X-Content-Type-Options", "nosniff");
    downstream_.start_response(std::move(head));
  }
  std::array<std::byte, kPiece> piece;
  while (sent_ < file_.size && !head_only_) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), file_.size - sent_));
    const ssize_t count = ::pread(file_.file.get(), piece.data(), wanted, static_cast<off_t>(sent_));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Progress::kFailed;
    sent_ += static_cast<std::uint64_t>(count);
    const bool more = downstream_.write_body(Bytes(piece).first(static_cast<std::size_t>(count)));
    if (!more && sent_ < file_.size) return Progress::kWaiting;
  }
  downstream_.end_response();
  return Progress::kDone;
}

}  // namespace hubgate::proxy
