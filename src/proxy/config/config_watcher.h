#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/log.h"
#include "common/event/fd_watcher.h"
#include "common/event/timer.h"

namespace hubgate::proxy {

/// Says when the content of a configuration file has changed on disk. It watches the file's folder, for
/// whatever name: editors replace the file, and a ConfigMap swaps a link beside it. A folder that cannot be watched is
/// logged and nothing more: SIGHUP and `hubgate reload` still work. Destruction ends it; the loop's thread.
class ConfigWatcher {
 public:
  /// `text` is what was adopted. `on_changed` comes with an empty stack, 250 ms after the last event, when the file
  /// can be read and its text is another than at the last call; it may destroy the watcher.
  ConfigWatcher(event::Loop& loop, event::Timers& timers, Log& log, std::string file, std::string_view text,
                std::function<void()> on_changed);

  /// Watches these files' contents beside it, such as certificates: whatever is in them now counts as seen. Replaces
  /// the list of the call before. on_changed comes for them as for the configuration; a file that is missing, or half
  /// of a pair that is being replaced, is for the reload to judge.
  void watch_too(std::vector<std::string> files);

  /// False: the folder cannot be watched.
  bool is_watching() const { return watcher_ != nullptr; }

  static constexpr Duration kQuiet = std::chrono::milliseconds(250);  // after the last event
  static constexpr Duration kLatest = std::chrono::seconds(2);  // after the first, in a folder that is never quiet

 private:
  void on_readable();
  void compare();
  std::string digest_of_others() const;
  event::Timers& timers_;
  std::string file_;
  std::string seen_;  // digest of the text last told
  std::vector<std::string> others_;
  std::string others_seen_;
  std::vector<int> other_watches_;  // folders of others_
  std::function<void()> on_changed_;
  Descriptor inotify_;
  int own_watch_ = -1;  // the configuration's folder
  std::unique_ptr<event::FdWatcher> watcher_;
  event::Timer quiet_;
  TimePoint first_event_{};
};

}  // namespace hubgate::proxy
