#include "common/control/packet_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace hubgate::control {
namespace {

void make_non_blocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

PacketLink::PacketLink(event::Loop& loop, Descriptor socket, Handler& handler, std::size_t queue_limit)
    : loop_(loop),
      socket_(std::move(socket)),
      handler_(handler),
      queue_limit_(queue_limit),
      readable_(loop, socket_.get(), event::FdWatcher::Direction::kRead, [this] { on_readable(); }),
      writable_(loop, socket_.get(), event::FdWatcher::Direction::kWrite, [this] { flush_queue(); }),
      retry_(loop, [this] { flush_queue(); }) {
  make_non_blocking(socket_.get());
  readable_.start();
}

PacketLink::~PacketLink() { close(); }

void PacketLink::close() {
  readable_.stop();
  writable_.stop();
  retry_.cancel();
  queue_.clear();
  socket_.reset();
}

PacketLink::Sent PacketLink::send(std::string_view message, int descriptor) {
  if (!socket_.is_open()) return Sent::kClosed;
  if (message.empty() || message.size() > kMaxMessage) return Sent::kTooLarge;
  if (queue_.empty()) {
    const Sent sent = send_one(message, descriptor);
    if (sent != Sent::kQueued) return sent;
  }
  if (queue_.size() >= queue_limit_) return Sent::kFull;
  Descriptor copy;
  if (descriptor >= 0) {
    // The owner may close its own at any time; a copy cannot become another file's number.
    copy.reset(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (!copy.is_open()) return Sent::kFull;
  }
  queue_.push_back({std::string(message), std::move(copy)});
  writable_.start();
  return Sent::kQueued;
}

// kQueued here means: the kernel has no room now.
PacketLink::Sent PacketLink::send_one(std::string_view message, int descriptor) {
  iovec part{const_cast<char*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (descriptor >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
  }
  for (;;) {
    if (::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Sent::kSent;
    switch (errno) {
      case EINTR: continue;
      case EAGAIN:
      case ENOBUFS: return Sent::kQueued;
      case ETOOMANYREFS:
      case EMFILE:
      case ENFILE: return Sent::kFull;
      case EMSGSIZE: return Sent::kTooLarge;
      default: return Sent::kClosed;  // EPIPE, ECONNRESET: reading finds the end, behind what the peer still said
    }
  }
}

void PacketLink::flush_queue() {
  while (!queue_.empty()) {
    const Sent sent = send_one(queue_.front().message, queue_.front().descriptor.get());
    if (sent == Sent::kQueued) return writable_.start();
    if (sent == Sent::kFull) {
      writable_.stop();  // the socket has room, so it would call for ever
      return retry_.start(kRetry);
    }
    if (sent == Sent::kClosed) {
      queue_.clear();
      break;
    }
    queue_.pop_front();
  }
  writable_.stop();
  handler_.on_sendable();
}

PacketLink::Read PacketLink::read_one() {
  const MutableBytes buffer = loop_.receive_buffer().first(kMaxMessage);
  iovec part{buffer.data(), buffer.size()};
  // Room for more descriptors than one, so that a surplus is seen and closed instead of being dropped unnoticed.
  constexpr std::size_t kRoom = 8;
  alignas(cmsghdr) char control[CMSG_SPACE(kRoom * sizeof(int))];
  msghdr header{};
  ssize_t size = 0;
  for (int resets = 0;;) {
    header = {};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    size = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size >= 0) break;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return Read::kNothing;
    // A peer that died with unread messages: the error comes first, then what it had sent, then the end.
    if (errno == ECONNRESET && ++resets < 3) continue;
    fail("broken");
    return Read::kClosed;
  }
  Descriptor descriptor;
  std::size_t descriptors = 0;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      Descriptor one(fd);
      if (++descriptors == 1) descriptor = std::move(one);
    }
  }
  if (size == 0) {
    fail("ended");
    return Read::kClosed;
  }
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    fail("message too long");
    return Read::kClosed;
  }
  const bool cut = (header.msg_flags & MSG_CTRUNC) != 0;
  if (descriptors > 1 || (cut && descriptors == 1)) {
    fail("more than one descriptor in a message");
    return Read::kClosed;
  }
  handler_.on_packet(Bytes(buffer.data(), static_cast<std::size_t>(size)), std::move(descriptor), cut);
  return socket_.is_open() ? Read::kMessage : Read::kClosed;
}

void PacketLink::on_readable() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    if (read_one() != Read::kMessage) return;
  }
}

void PacketLink::read_now() {
  while (socket_.is_open() && read_one() == Read::kMessage) {
  }
}

void PacketLink::fail(std::string_view why) {
  close();
  handler_.on_link_closed(why);
}

Result<std::pair<Descriptor, Descriptor>> PacketLink::make_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
    return make_error(ErrorCode::kSystem, std::string("socketpair: ") + std::strerror(errno));
  }
  return std::pair(Descriptor(fds[0]), Descriptor(fds[1]));
}

std::size_t PacketLink::ask_for_send_buffer(int fd, std::size_t bytes) {
  const int wanted = static_cast<int>(bytes);
  // The forced form passes net.core.wmem_max, for those who may.
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) != 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
  }
  int have = 0;
  socklen_t size = sizeof have;
  ::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &size);
  return static_cast<std::size_t>(have);
}

}  // namespace hubgate::control
