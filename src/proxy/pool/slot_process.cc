#include "proxy/pool/slot_process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hubgate::proxy {

void signal_process(const Descriptor& pidfd, int signal) {
  if (pidfd.is_open()) ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
}

bool is_process_alive(const Descriptor& pidfd) {
  if (!pidfd.is_open()) return false;
  pollfd ended{pidfd.get(), POLLIN, 0};  // readable once the process has ended
  return ::poll(&ended, 1, 0) == 0;
}

}  // namespace hubgate::proxy
