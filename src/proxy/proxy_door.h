#pragma once

#include <memory>

#include "common/net/listener.h"
#include "proxy/config/proxy_config.h"
#include "proxy/proxy.h"

namespace hubgate::proxy {

/// One listener in force, with what its sessions share.
struct Proxy::Door {
  ListenerConfig config;
  std::shared_ptr<const ListenerFacts> facts;
  std::unique_ptr<net::Listener> listener;
};

}  // namespace hubgate::proxy
