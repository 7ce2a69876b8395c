#include "proxy/pool/endpoint_connector.h"

#include <algorithm>
#include <utility>

#include "proxy/pool/endpoint.h"

namespace hubgate::proxy {

EndpointConnector::EndpointConnector(event::Loop& loop, Endpoint& endpoint, OnDone on_done)
    : loop_(loop), endpoint_(endpoint), on_done_(std::move(on_done)), no_address_(loop, [this] {
        const OnDone done = std::move(on_done_);
        done(make_error(ErrorCode::kNotFound, endpoint_.name() + " has no address", Side::kUpstream));
      }) {}

void EndpointConnector::start(Duration timeout) {
  addresses_ = endpoint_.addresses();
  if (addresses_.empty()) return no_address_.start(Duration::zero());
  deadline_ = loop_.now() + timeout;
  try_next();
}

void EndpointConnector::try_next() {
  const Duration left = std::max<Duration>(deadline_ - loop_.now(), Duration::zero());
  connector_ =
      std::make_unique<net::Connector>(loop_, [this](Result<Descriptor> socket) { on_connected(std::move(socket)); });
  connector_->start(addresses_[tried_], left / static_cast<long>(addresses_.size() - tried_));
}

void EndpointConnector::on_connected(Result<Descriptor> socket) {
  loop_.dispose_value(std::move(connector_));  // it is calling us
  const net::Address& address = addresses_[tried_++];
  if (socket) {
    endpoint_.note_reached(address);
  } else if (tried_ < addresses_.size()) {
    return try_next();
  }
  const OnDone done = std::move(on_done_);
  done(std::move(socket));
}

}  // namespace hubgate::proxy
