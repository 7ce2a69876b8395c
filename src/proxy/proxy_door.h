#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/net/listener.h"
#include "proxy/config/proxy_config.h"
#include "proxy/proxy.h"

namespace hubgate::proxy {

/// The name under which the supervisor keeps a listener's socket.
inline std::string kept_name(const ListenerConfig& listener) {
  return "listener:" + listener.name + ' ' + listener.listen;
}

/// One listener in force, with what its sessions share.
struct Proxy::Door {
  ListenerConfig config;
  std::shared_ptr<const ListenerFacts> facts;
  std::unique_ptr<net::Listener> listener;
  std::uint64_t number = 0;  // of this door; sessions remember it
  bool open = false;         // it accepts, as far as we want
};

/// A door whose listener is in the configuration no more: it accepts who waits, and closes.
struct Proxy::LeavingDoor {
  std::unique_ptr<Door> door;  // null once it is closed
  std::uint64_t number = 0;
  int ticks = 0;  // in which its idle connections are closed
};

/// What a new configuration needs of listeners, made before it takes effect.
struct Proxy::PreparedDoors {
  struct One {
    ListenerConfig config;
    Door* kept = nullptr;  // that listens there already; null: `socket` is new
    Descriptor socket;
    std::shared_ptr<const net::TlsContext> tls;
  };
  std::vector<One> doors;
  std::vector<std::string> errors;         // not empty: the configuration is refused
  std::vector<std::string> cannot_listen;  // names of listeners for which this process lacks the privileges
  std::vector<ConfigChange> changes;       // that no key shows: another certificate in the same file
};

}  // namespace hubgate::proxy
