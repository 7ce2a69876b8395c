#include "proxy/pool/health_probe.h"

#include <utility>

#include "proxy/pool/endpoint.h"

namespace hubgate::proxy {

HealthProbe::HealthProbe(event::Loop& loop, event::Timers& timers, Endpoint& endpoint, OnDone on_done)
    : loop_(loop), timers_(timers), endpoint_(endpoint), on_done_(std::move(on_done)), deadline_(timers, [this] {
        finish(make_error(ErrorCode::kTimeout, "no answer in time", Side::kUpstream));
      }) {}

void HealthProbe::start(std::string path, Duration timeout) {
  path_ = std::move(path);
  timeout_ = timeout;
  deadline_.start(timeout);
  connector_ = std::make_unique<EndpointConnector>(
      loop_, endpoint_, [this](Result<Descriptor> socket) { on_connected(std::move(socket)); });
  connector_->start(timeout);
}

void HealthProbe::on_connected(Result<Descriptor> socket) {
  loop_.dispose_value(std::move(connector_));  // it is calling us
  if (!socket) return finish(socket.error());
  if (path_.empty()) return finish({});
  ask(*std::move(socket));
}

void HealthProbe::ask(Descriptor socket) {
  http_client::ClientConnection::Handler& handler = *this;
  connection_ = std::make_unique<http_client::ClientConnection>(loop_, timers_, std::move(socket), handler);
  http::RequestHead head;
  head.method = "GET";
  head.target = path_;
  head.keep_alive = false;
  head.headers.add("Host", endpoint_.name().starts_with("unix:") ? "localhost" : endpoint_.name());
  head.headers.add("User-Agent", "hubgate-health");
  connection_->send(head, {.response_head = timeout_, .body_idle = timeout_});
}

// The head is enough; the connection is closed with whatever follows.
void HealthProbe::on_response_head(http::ResponseHead& head) {
  if (head.status / 100 == 2) return finish({});
  finish(make_error(ErrorCode::kRefused, path_ + " was answered by " + std::to_string(head.status), Side::kUpstream));
}

void HealthProbe::finish(Result<void> result) {
  deadline_.cancel();
  const OnDone done = std::move(on_done_);
  done(std::move(result));
}

void HealthProbe::retire() {
  deadline_.cancel();
  connector_.reset();
  if (connection_) loop_.dispose(std::move(connection_));
}

}  // namespace hubgate::proxy
