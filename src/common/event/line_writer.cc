#include "common/event/line_writer.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hubgate::event {
namespace {

// POLLOUT of a pipe promises room for this much and no more; a terminal takes it too.
constexpr std::size_t kPipePiece = 4096;

bool can_write(int fd) {
  pollfd waiting{fd, POLLOUT, 0};
  return ::poll(&waiting, 1, 0) == 1;  // an error shows in the write
}

}  // namespace

LineWriter::LineWriter(Loop& loop, Timers& timers, std::size_t most_buffered)
    : loop_(loop), most_buffered_(most_buffered), retry_(timers, [this] { flush(); }) {}

LineWriter::~LineWriter() { flush(); }

void LineWriter::set_target(Descriptor target) {
  flush();
  owned_ = std::move(target);
  begin(owned_.get());
}

void LineWriter::set_shared_target(int fd) {
  flush();
  owned_.reset();
  begin(fd);
}

void LineWriter::begin(int fd) {
  fd_ = fd;
  retry_.cancel();
  if (fd_ < 0) return drop_all();
  struct stat facts{};
  ::fstat(fd_, &facts);
  kind_ = Kind::kPipe;
  if (S_ISREG(facts.st_mode)) kind_ = Kind::kFile;
  if (S_ISSOCK(facts.st_mode)) {
    int type = SOCK_STREAM;
    socklen_t length = sizeof type;
    ::getsockopt(fd_, SOL_SOCKET, SO_TYPE, &type, &length);
    kind_ = type == SOCK_STREAM ? Kind::kStream : Kind::kDatagram;
  }
  if (!buffer_.empty()) loop_.flush_later(*this);
}

void LineWriter::write(std::string_view line) {
  if (fd_ < 0 || buffer_.size() + line.size() + 1 > most_buffered_) {
    ++dropped_;
    return;
  }
  buffer_.append(line);
  buffer_ += '\n';
  if (!retry_.is_running()) loop_.flush_later(*this);
}

void LineWriter::flush() {
  retry_.cancel();
  while (!buffer_.empty()) {
    const long written = write_some();
    if (written > 0) {
      consume(static_cast<std::size_t>(written));
    } else if (written == 0 || errno == EAGAIN || errno == ENOBUFS) {
      return retry_.start(kRetry);
    } else if (errno != EINTR) {
      return drop_all();  // a full disk, a reader that has gone: it may be better with the next lines
    }
  }
  // A burst need not be remembered.
  if (buffer_.capacity() > most_buffered_ / 4) std::string().swap(buffer_);
}

// As write(): bytes of the buffer that have left; 0: nothing can be written now.
long LineWriter::write_some() {
  switch (kind_) {
    case Kind::kFile: return ::write(fd_, buffer_.data(), buffer_.size());
    case Kind::kPipe: return can_write(fd_) ? ::write(fd_, buffer_.data(), std::min(buffer_.size(), kPipePiece)) : 0;
    case Kind::kStream: return ::send(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::kDatagram: break;
  }
  const std::size_t line = buffer_.find('\n');
  const ssize_t sent = ::send(fd_, buffer_.data(), line, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? sent : static_cast<long>(line + 1);
}

void LineWriter::consume(std::size_t bytes) {
  written_ += static_cast<std::uint64_t>(
      std::count(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(bytes), '\n'));
  buffer_.erase(0, bytes);
}

void LineWriter::drop_all() {
  dropped_ += static_cast<std::uint64_t>(std::count(buffer_.begin(), buffer_.end(), '\n'));
  buffer_.clear();
}

}  // namespace hubgate::event
