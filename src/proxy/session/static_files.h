#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "common/http/message.h"

namespace hubgate::http_server {
class ServerConnection;
}

namespace hubgate::proxy {

/// A file of a folder route, found or not.
struct StaticFile {
  int status = 404;        // 200, 304, 308 (to `location`), 404, 405; 204 to OPTIONS
  std::string location;    // for 308: the folder's path with its slash
  Descriptor file;         // for 200
  std::uint64_t size = 0;  // bytes
  std::string etag;        // strong: inode, size and time of the last change
  std::string_view type;   // of the content
};

/// Finds what a request asks of `folder`: `path` is the normalised path, `prefix` the route's. Only regular files below
/// the folder, whatever symbolic links say (openat2, RESOLVE_BENEATH); nothing whose name begins with a dot; a folder's
/// index.html in its place.
StaticFile find_static_file(const std::string& folder, std::string_view prefix, std::string_view path,
                            const http::RequestHead& head);

/// The media type by the name's ending; "application/octet-stream" when it is not known.
std::string_view media_type_of(std::string_view name) noexcept;

/// Sends a found file as the answer to the open request, in pieces, no more than the connection takes. Owned by the
/// exchange.
class FileAnswer {
 public:
  FileAnswer(http_server::ServerConnection& downstream, StaticFile file, bool head_only)
      : downstream_(downstream), file_(std::move(file)), head_only_(head_only) {}

  enum class Progress : std::uint8_t { kWaiting, kDone, kFailed };
  /// Head and as much of the file as fits; again after on_response_drained. kFailed: the file shrank or cannot be
  /// read, and the connection must be cut.
  Progress send();

 private:
  http_server::ServerConnection& downstream_;
  StaticFile file_;
  std::uint64_t sent_ = 0;
  bool head_only_;
  bool started_ = false;
};

}  // namespace hubgate::proxy
