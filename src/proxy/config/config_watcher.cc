#include "proxy/config/config_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/digest.h"
#include "proxy/config/load_proxy_config.h"

namespace hubgate::proxy {
namespace {

// The files that an IN_CLOSE_WRITE or IN_MOVED_TO can have made whole; never IN_MODIFY: half files.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO;

std::string digest_of(std::string_view text) {
  const Sha256 digest = sha256({as_bytes(text)});
  return std::string(as_text(digest));
}

}  // namespace

ConfigWatcher::ConfigWatcher(event::Loop& loop, event::Timers& timers, Log& log, std::string file,
                             std::string_view text, std::function<void()> on_changed)
    : timers_(timers),
      file_(std::move(file)),
      seen_(digest_of(text)),
      on_changed_(std::move(on_changed)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      quiet_(timers, [this] { compare(); }) {
  std::string folder = std::filesystem::path(file_).parent_path().string();
  if (folder.empty()) folder = ".";
  if (inotify_.is_open()) own_watch_ = ::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
  if (own_watch_ < 0) {
    log.warn("configuration is not watched", {{"folder", folder}, {"error", std::strerror(errno)}});
    inotify_.reset();
    return;
  }
  watcher_ = std::make_unique<event::FdWatcher>(loop, inotify_.get(), event::FdWatcher::Direction::kRead,
                                                [this] { on_readable(); });
  watcher_->start();
}

void ConfigWatcher::on_readable() {
  alignas(inotify_event) char events[4096];
  while (::read(inotify_.get(), events, sizeof events) > 0) {  // which file it was does not matter
  }
  const TimePoint now = timers_.now();
  if (!quiet_.is_running()) first_event_ = now;
  quiet_.start_at(std::min(now + kQuiet, first_event_ + kLatest));
}

void ConfigWatcher::watch_too(std::vector<std::string> files) {
  others_seen_.clear();
  if (files != others_ && inotify_.is_open()) {
    // A folder may be the configuration's own, or be watched for another file: its number is the same then.
    for (const int watch : other_watches_) ::inotify_rm_watch(inotify_.get(), watch);
    other_watches_.clear();
    for (const std::string& file : files) {
      const std::string folder = std::filesystem::path(file).parent_path().string();
      const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
      const bool is_known = watch < 0 || watch == own_watch_ ||
                            std::find(other_watches_.begin(), other_watches_.end(), watch) != other_watches_.end();
      if (!is_known) other_watches_.push_back(watch);
    }
  }
  others_ = std::move(files);
  others_seen_ = digest_of_others();
}

std::string ConfigWatcher::digest_of_others() const {
  std::string digests;
  for (const std::string& file : others_) {
    const auto text = read_config_file(file);
    digests += digest_of(text ? *text : std::string());
  }
  return digests;
}

void ConfigWatcher::compare() {
  const auto text = read_config_file(file_);
  if (!text) return;  // about to be replaced, or gone: the next event tells
  std::string digest = digest_of(*text);
  std::string others = digest_of_others();
  if (digest == seen_ && others == others_seen_) return;
  seen_ = std::move(digest);
  others_seen_ = std::move(others);
  const auto on_changed = on_changed_;  // it may destroy us
  on_changed();
}

}  // namespace hubgate::proxy
