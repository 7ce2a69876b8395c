#pragma once

#include <memory>
#include <vector>

#include "common/net/connector.h"

namespace hubgate::proxy {

class Endpoint;

/// Connects to a remote endpoint, once: to its addresses in turn, the one that answered last before the others, within
/// one time limit, of which each gets an even part of what is left. Its destruction cancels. Calls back last, never
/// out of start(). The endpoint must outlive it.
class EndpointConnector {
 public:
  /// Errors: as net::Connector's, of the last address; kNotFound when the endpoint's name has none.
  using OnDone = net::Connector::OnDone;

  EndpointConnector(event::Loop& loop, Endpoint& endpoint, OnDone on_done);
  void start(Duration timeout);

 private:
  void try_next();
  void on_connected(Result<Descriptor> socket);

  event::Loop& loop_;
  Endpoint& endpoint_;
  OnDone on_done_;
  std::vector<net::Address> addresses_;
  std::size_t tried_ = 0;
  TimePoint deadline_{};
  std::unique_ptr<net::Connector> connector_;
  event::Timer no_address_;  // for what must not be said out of start()
};

}  // namespace hubgate::proxy
