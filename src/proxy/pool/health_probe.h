#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/event/disposable.h"
#include "common/event/timer.h"
#include "common/http_client/client_connection.h"
#include "proxy/pool/endpoint_connector.h"

namespace hubgate::proxy {

/// Asks a remote endpoint once whether it is healthy: by a connection, or by a GET that must be answered by 2xx.
/// Whoever gets the result disposes of the probe.
class HealthProbe final : public event::Disposable, private http_client::ClientConnection::Handler {
 public:
  /// An error says why it is not. Called last, once, never out of start().
  using OnDone = std::function<void(Result<void>)>;

  /// `timers` is the loop in programs. The endpoint must outlive the probe.
  HealthProbe(event::Loop& loop, event::Timers& timers, Endpoint& endpoint, OnDone on_done);
  /// `path`: a request's target; empty: a connection is enough. `timeout`: to the answer's head.
  void start(std::string path, Duration timeout);
  void retire() override;

 private:
  // http_client::ClientConnection::Handler
  void on_response_head(http::ResponseHead& head) override;
  void on_response_end(bool) override {}
  void on_failed(const http_client::Failure& failure) override { finish(failure.error); }

  void on_connected(Result<Descriptor> socket);
  void ask(Descriptor socket);
  void finish(Result<void> result);

  event::Loop& loop_;
  event::Timers& timers_;
  Endpoint& endpoint_;
  OnDone on_done_;
  std::string path_;
  Duration timeout_{};
  std::unique_ptr<EndpointConnector> connector_;  // until it has said how it went
  std::unique_ptr<http_client::ClientConnection> connection_;
  event::Timer deadline_;
};

}  // namespace hubgate::proxy
