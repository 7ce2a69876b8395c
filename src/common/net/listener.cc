#include "common/net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace hubgate::net {
namespace {

constexpr int kBacklog = 4096;
constexpr auto kRest = std::chrono::milliseconds(200);  // after a shortage of descriptors
constexpr auto kBindTries = std::chrono::seconds(5);    // a gateway that died may still be letting go
constexpr auto kBindPause = std::chrono::milliseconds(50);

Error cannot(const char* what, const Address& address) {
  return make_error(ErrorCode::kSystem,
                    std::string("cannot ") + what + " " + address.to_string() + ": " + std::strerror(errno));
}

// True when nobody listens on the Unix socket's path any more.
bool is_stale(const Address& address) {
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), address.get(), address.length()) != 0 && errno == ECONNREFUSED;
}

Descriptor open_reserve() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Result<Descriptor> open_listening_socket(const Address& address) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return cannot("open a socket for", address);
  const int on = 1;
  if (address.is_ip()) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (address.is_unix() && is_stale(address)) ::unlink(address.host().c_str());
  const auto give_up = std::chrono::steady_clock::now() + kBindTries;
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
      rest_(loop, [this] { watcher_.start(); }) {
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

void Listener::on_readable() {
  for (int i = 0; i < kAcceptsPerTurn && watcher_.is_watching(); ++i) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    Descriptor accepted(
        ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted.is_open()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
      // Out of descriptors: the reserve refuses one client (which sees an end instead of silence), then we rest, or
      // the level-triggered listener would spin.
      reserve_.reset();
      const Descriptor refused(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      reserve_ = open_reserve();
      ++exhausted_;
      watcher_.stop();
      rest_.start(kRest);
      return;
    }
    const Address peer = Address::from(reinterpret_cast<sockaddr*>(&storage), length);
    if (peer.is_ip()) {
      const int on = 1;
      ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    on_accepted_(std::move(accepted), peer);
  }
}

}  // namespace hubgate::net
