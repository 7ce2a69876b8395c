#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/descriptor.h"
#include "common/event/loop.h"
#include "common/event/timer.h"

namespace hubgate::event {

/// Writes whole lines to a file, pipe, terminal, stream or datagram socket, and never waits for it: lines of one turn
/// are collected and leave at its end; what the other side does not take stays in a bounded buffer; what does not fit
/// there is dropped whole and counted. The loop's thread.
///
/// The descriptor's flags are not touched: standard output is shared with whoever started us. A regular file is
/// written at once, as the kernel has no other way.
class LineWriter final : private Flushable {
 public:
  static constexpr std::size_t kMostBuffered = 1024 * 1024;  // bytes
  static constexpr std::chrono::milliseconds kRetry{20};     // after the other side took nothing

  /// `timers` is the loop in programs.
  LineWriter(Loop& loop, Timers& timers, std::size_t most_buffered = kMostBuffered);
  /// Writes what can be written now; the rest is lost.
  ~LineWriter() override;

  /// Where lines go from now on; what waits goes there too. With a datagram socket each line is one datagram. Not
  /// open: lines are dropped and counted.
  void set_target(Descriptor target);
  /// The same for a descriptor that somebody else owns, such as standard output.
  void set_shared_target(int fd);
  bool has_target() const { return fd_ >= 0; }

  /// Without its newline, which is added (not to datagrams).
  void write(std::string_view line);
  /// Writes what can be written now, without waiting.
  void flush_now() { flush(); }

  std::size_t buffered() const { return buffer_.size(); }
  std::uint64_t written() const { return written_; }  // lines
  std::uint64_t dropped() const { return dropped_; }  // lines

 private:
  enum class Kind : std::uint8_t { kFile, kPipe, kStream, kDatagram };
  void flush() override;
  void begin(int fd);
  long write_some();
  void consume(std::size_t bytes);
  void drop_all();

  Loop& loop_;
  std::size_t most_buffered_;
  Descriptor owned_;
  int fd_ = -1;
  Kind kind_ = Kind::kFile;
  std::string buffer_;  // whole lines, but for what of the first has left
  std::uint64_t written_ = 0;
  std::uint64_t dropped_ = 0;
  Timer retry_;
};

}  // namespace hubgate::event
