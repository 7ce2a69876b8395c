#include "common/net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace hubgate::net {
namespace {

constexpr int kBacklog = 4096;
constexpr auto kRest = std::chrono::milliseconds(200);  // after a shortage of descriptors
constexpr auto kBindPause = std::chrono::milliseconds(50);

Error cannot(const char* what, const Address& address) {
  const ErrorCode code = errno == EACCES || errno == EPERM ? ErrorCode::kRefused : ErrorCode::kSystem;
  return make_error(code, std::string("cannot ") + what + " " + address.to_string() + ": " + std::strerror(errno));
}

// Makes way for a new Unix socket: removes one on which nobody listens any more. A connect to an ordinary file is
// refused, too, and that one is somebody's data.
Result<void> remove_stale(const Address& address) {
  struct stat file{};
  if (::lstat(address.host().c_str(), &file) != 0) return {};
  if (!S_ISSOCK(file.st_mode)) {
    return make_error(ErrorCode::kSystem, "cannot listen on " + address.to_string() + ": it exists and is no socket");
  }
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool is_stale = ::connect(probe.get(), address.get(), address.length()) != 0 && errno == ECONNREFUSED;
  if (is_stale) ::unlink(address.host().c_str());
  return {};
}

Descriptor open_reserve() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Result<Descriptor> open_listening_socket(const Address& address, Duration patience) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return cannot("open a socket for", address);
  const int on = 1;
  if (address.is_ip()) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (address.is_unix()) {
    if (const auto removed = remove_stale(address); !removed) return removed.error();
  }
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (::bind(socket.get(), address.get(), address.length()) != 0) {
    if (errno != EADDRINUSE || address.is_unix() || std::chrono::steady_clock::now() >= give_up) {
      return cannot("listen on", address);
    }
    std::this_thread::sleep_for(kBindPause);  // at start-up only: nothing else is to be done yet
  }
  if (::listen(socket.get(), kBacklog) != 0) return cannot("listen on", address);
  return socket;
}

Listener::Listener(event::Loop& loop, Descriptor socket, OnAccepted on_accepted)
    : socket_(std::move(socket)),
      reserve_(open_reserve()),
      address_(Address::local_of(socket_.get())),
      on_accepted_(std::move(on_accepted)),
      watcher_(loop, socket_.get(), event::FdWatcher::Direction::kRead, [this] { on_readable(); }),
      rest_(loop, [this] { on_rest_over(); }),
      loop_(loop) {
  watcher_.start();
}

void Listener::pause() {
  rest_.cancel();
  watcher_.stop();
}

void Listener::resume() {
  if (socket_.is_open()) watcher_.start();
}

void Listener::close() {
  pause();
  socket_.reset();
}

void Listener::close_when_empty(std::function<void()> on_closed) {
  on_closed_ = std::move(on_closed);
  // The queue may be empty already, and then no event comes.
  rest_.start(Duration::zero());
}

int Listener::accepts_now() const {
  return last_batch_ != TimePoint{} && loop_.now() - last_batch_ > kBusyTurn ? kAcceptsWhenBusy : kAcceptsPerTurn;
}

void Listener::on_rest_over() {
  if (!on_closed_) return watcher_.start();
  watcher_.start();
  on_readable();
}

void Listener::on_readable() {
  const bool crowded = !on_closed_ && is_crowded_ && is_crowded_();
  const int most = crowded ? kAcceptsWhenBusy : accepts_now();
  last_batch_ = {};
  for (int i = 0; i < most; ++i) {
    if (!watcher_.is_watching()) return;
    if (!accept_one()) {
      if (on_closed_ && watcher_.is_watching()) finish_closing();
      return;
    }
  }
  last_batch_ = loop_.now();
  if (!crowded || !watcher_.is_watching()) return;
  watcher_.stop();
  rest_.start(kCrowdedRest);
}

// False: nobody waits, or nothing can be accepted now.
bool Listener::accept_one() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  Descriptor accepted(
      ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!accepted.is_open()) {
    if (errno == EINTR || errno == ECONNABORTED) return true;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) on_exhausted();
    return false;
  }
  const Address peer = Address::from(reinterpret_cast<sockaddr*>(&storage), length);
  if (peer.is_ip()) {
    const int on = 1;
    ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  on_accepted_(std::move(accepted), peer);
  return true;
}

// Out of descriptors: the reserve refuses one client (which sees an end instead of silence), then we rest, or the
// level-triggered listener would spin.
void Listener::on_exhausted() {
  reserve_.reset();
  const Descriptor refused(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  reserve_ = open_reserve();
  ++exhausted_;
  watcher_.stop();
  rest_.start(kRest);
}

void Listener::finish_closing() {
  close();
  const auto on_closed = std::exchange(on_closed_, nullptr);  // it may destroy us
  on_closed();
}

}  // namespace hubgate::net
