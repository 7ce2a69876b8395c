#include "proxy/session/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace hubgate::proxy {
namespace {

constexpr int kSilence = 60;   // seconds
constexpr int kInterval = 15;  // seconds
constexpr int kProbes = 4;
constexpr int kUnacknowledged = 60'000;  // milliseconds

void set(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

}  // namespace

void watch_for_lost_peer(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || (domain != AF_INET && domain != AF_INET6))
    return;
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, kSilence);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, kInterval);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledged);
}

}  // namespace hubgate::proxy
