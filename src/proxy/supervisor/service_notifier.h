#pragma once

#include <string>
#include <string_view>

#include "common/base/descriptor.h"

namespace hubgate::supervisor {

/// Tells a service manager how far the gateway is: datagrams to the socket that $NOTIFY_SOCKET names, as systemd's
/// sd_notify(3) does. Without such a socket every call does nothing. Never waits; what cannot be sent is lost.
class ServiceNotifier {
 public:
  ServiceNotifier() = default;
  /// Takes $NOTIFY_SOCKET out of the environment, so that no child speaks for us.
  static ServiceNotifier from_environment();
  /// "/path", or "@name" of the abstract namespace.
  explicit ServiceNotifier(std::string_view address);

  void ready() const { send("READY=1"); }
  /// ready() follows when it is done.
  void reloading() const;
  void stopping() const { send("STOPPING=1"); }

 private:
  void send(std::string_view text) const;
  Descriptor socket_;
};

}  // namespace hubgate::supervisor
