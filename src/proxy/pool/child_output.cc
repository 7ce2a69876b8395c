#include "proxy/pool/child_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/bytes.h"

namespace hubgate::proxy {

ChildOutput::ChildOutput(event::Loop& loop, Descriptor pipe, std::string tag, const OutputSink& sink)
    : loop_(loop),
      pipe_(std::move(pipe)),
      tag_(std::move(tag)),
      sink_(sink),
      readable_(loop, pipe_.get(), event::FdWatcher::Direction::kRead, [this] { read_once(); }) {
  if (!pipe_.is_open()) return;
  ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
  readable_.start();
}

ChildOutput::~ChildOutput() { readable_.stop(); }

// One buffer a turn: a child that writes without end does not keep us from the rest. False: nothing more for now.
bool ChildOutput::read_once() {
  const MutableBytes buffer = loop_.receive_buffer();
  const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
  if (got > 0) {
    take(as_text(buffer.first(static_cast<std::size_t>(got))));
    return true;
  }
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) finish();
  return false;
}

void ChildOutput::take(std::string_view text) {
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    std::string_view piece = text.substr(0, newline);
    const bool whole = newline != std::string_view::npos;
    text.remove_prefix(whole ? newline + 1 : text.size());
    while (partial_.size() + piece.size() > kMaxLine) {
      const std::size_t fits = kMaxLine - partial_.size();
      partial_ += piece.substr(0, fits);
      piece.remove_prefix(fits);
      sink_(tag_, partial_);
      partial_.clear();
    }
    if (!whole) {
      partial_ += piece;
    } else if (partial_.empty()) {
      sink_(tag_, piece);
    } else {
      partial_ += piece;
      sink_(tag_, partial_);
      partial_.clear();
    }
  }
}

void ChildOutput::finish() {
  readable_.stop();
  pipe_.reset();
  if (!partial_.empty()) sink_(tag_, partial_);
  partial_.clear();
}

void ChildOutput::read_to_end() {
  // A grandchild may hold the pipe open and write for ever: what is there now, and no more than the pipe can hold.
  for (int i = 0; i < 32 && pipe_.is_open() && read_once(); ++i) {
  }
}

}  // namespace hubgate::proxy
