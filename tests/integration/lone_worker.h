#pragma once

#include <sys/types.h>

#include <string>

#include "common/net/address.h"

namespace hubgate::test {

/// `hubgate-worker --listen`: a SignalR server that runs alone, so that a gateway may have it as a remote endpoint. Its
/// tokens are its own.
class LoneWorker {
 public:
  /// "127.0.0.1:0" or "unix:/path". Returns when it listens.
  explicit LoneWorker(const std::string& listen);
  ~LoneWorker() { kill(); }
  LoneWorker(const LoneWorker&) = delete;
  LoneWorker& operator=(const LoneWorker&) = delete;

  /// As it is bound.
  const std::string& address() const { return address_; }
  pid_t pid() const { return pid_; }
  void signal(int signal) const;
  void kill();

 private:
  std::string address_;
  pid_t pid_ = -1;
};

}  // namespace hubgate::test
