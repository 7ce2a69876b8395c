#include "common/net/proxy_header_receiver.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hubgate::net {

ProxyHeaderReceiver::ProxyHeaderReceiver(event::Loop& loop, event::Timers& timers, Descriptor socket, Duration time,
                                         OnDone on_done)
    : socket_(std::move(socket)),
      on_done_(std::move(on_done)),
      readable_(loop, socket_.get(), event::FdWatcher::Direction::kRead, [this] { on_readable(); }),
      deadline_(timers,
                [this] { finish(make_error(ErrorCode::kTimeout, "no PROXY header in time", Side::kDownstream)); }) {
  readable_.start();
  deadline_.start(time);
}

void ProxyHeaderReceiver::on_readable() {
  if (!socket_.is_open()) return;  // closed while this event was pending
  // First a look, then exactly the header's own bytes are taken out.
  const std::size_t known = received_.size();
  received_.resize(kMaxProxyHeader);
  const ssize_t got = ::recv(socket_.get(), received_.data() + known, received_.size() - known, MSG_PEEK);
  received_.resize(known + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return finish(make_error(ErrorCode::kClosed, "ended within its PROXY header", Side::kDownstream));

  const ProxyHeaderStep step = read_proxy_header(as_bytes(received_));
  if (step.outcome == ProxyHeaderStep::Outcome::kRejected) {
    return finish(make_error(ErrorCode::kInvalid, std::string(step.why), Side::kDownstream));
  }
  // What is incomplete belongs to the header as a whole: left in the socket, it would wake us again and again.
  const bool is_done = step.outcome == ProxyHeaderStep::Outcome::kDone;
  const std::size_t size = is_done ? step.taken : received_.size();
  if (::recv(socket_.get(), received_.data() + known, size - known, 0) != static_cast<ssize_t>(size - known)) {
    return finish(make_error(ErrorCode::kClosed, "ended within its PROXY header", Side::kDownstream));
  }
  if (is_done) finish(step.header);
}

void ProxyHeaderReceiver::close() {
  deadline_.cancel();
  readable_.stop();
  socket_.reset();
}

void ProxyHeaderReceiver::finish(Result<ProxyHeader> header) {
  deadline_.cancel();
  readable_.stop();
  if (!header) socket_.reset();
  on_done_(std::move(header), std::move(socket_));
}

}  // namespace hubgate::net
