#include "common/net/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace hubgate::net {
namespace {

Error failed(int error, const Address& address) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:  // every local port is in use
      return make_error(ErrorCode::kUnavailable, std::string("no socket to spare: ") + std::strerror(error));
    default: break;
  }
  const ErrorCode code = error == ECONNREFUSED || error == ENOENT ? ErrorCode::kRefused : ErrorCode::kSystem;
  return make_error(code, "connect to " + address.to_string() + ": " + std::strerror(error), Side::kUpstream);
}

}  // namespace

Connector::Connector(event::Loop& loop, OnDone on_done)
    : loop_(loop), on_done_(std::move(on_done)), timer_(loop, [this] {
        if (failed_at_once_) return finish(*std::move(failed_at_once_));
        finish(make_error(ErrorCode::kTimeout, "connect to " + address_.to_string() + ": no answer in time",
                          Side::kUpstream));
      }) {}

void Connector::start(const Address& address, Duration timeout) {
  address_ = address;
  socket_ = Descriptor(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int error = socket_.is_open() ? 0 : errno;
  if (error == 0 && address.is_ip()) {
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (error == 0 && ::connect(socket_.get(), address.get(), address.length()) != 0) error = errno;
  if (error != 0 && error != EINPROGRESS) {
    // Told from the loop, never out of start(): a Unix socket whose queue is full says EAGAIN here.
    failed_at_once_ = failed(error, address);
    timer_.start(Duration::zero());
    return;
  }
  timer_.start(timeout);
  watcher_.emplace(loop_, socket_.get(), event::FdWatcher::Direction::kWrite, [this] {
    int result = 0;
    socklen_t length = sizeof result;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &result, &length);
    if (result != 0) return finish(failed(result, address_));
    watcher_->stop();
    finish(std::move(socket_));
  });
  watcher_->start();
}

void Connector::finish(Result<Descriptor> result) {
  timer_.cancel();
  if (watcher_) watcher_->stop();  // destroyed with us: it may be calling us now
  const OnDone done = std::move(on_done_);
  done(std::move(result));
}

}  // namespace hubgate::net
