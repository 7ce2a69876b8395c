#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "common/event/fd_watcher.h"
#include "common/event/loop.h"

namespace hubgate::proxy {

/// Where lines of children go, each with the tag of who wrote it: "main/0 4711", since two generations may write at a
/// time.
using OutputSink = std::function<void(std::string_view tag, std::string_view line)>;

/// Reads one of a child's output pipes line by line. Our end is non-blocking, the child's is not touched. Owned by
/// whoever owns the child; destruction cancels.
class ChildOutput {
 public:
  ChildOutput(event::Loop& loop, Descriptor pipe, std::string tag, const OutputSink& sink);
  ~ChildOutput();
  ChildOutput(const ChildOutput&) = delete;
  ChildOutput& operator=(const ChildOutput&) = delete;

  /// All that the child has written; after its end.
  void read_to_end();

  static constexpr std::size_t kMaxLine = 8 * 1024;  // bytes; longer ones are cut into pieces

 private:
  bool read_once();
  void take(std::string_view text);
  void finish();

  event::Loop& loop_;
  Descriptor pipe_;
  std::string tag_;
  const OutputSink& sink_;
  event::FdWatcher readable_;
  std::string partial_;
};

}  // namespace hubgate::proxy
