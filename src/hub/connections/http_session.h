#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/event/disposable.h"
#include "common/http_server/server_connection.h"
#include "hub/connections/closed_record.h"
#include "hub/connections/http_connection_dispatcher.h"

namespace hubgate::hub {

/// One HTTP connection of the dispatcher, which owns it: answers requests as SignalR's endpoints do, until one of them
/// becomes a WebSocket or the connection ends.
class HttpSession final : public event::Disposable, private http_server::ServerConnection::Handler {
 public:
  HttpSession(HttpConnectionDispatcher& dispatcher, Descriptor socket, ConnectionOrigin origin, Bytes input);

  void drain() { connection_->drain(); }
  void retire() override { connection_->retire(); }

 private:
  friend class HttpConnectionDispatcher;
  /// What an answer says besides its status; nothing means that the field is left out.
  struct Answer {
    int status;
    std::string_view content_type;
    std::string_view body;
    bool is_poll = false;  // carries what keeps polls out of caches
  };

  // http_server::ServerConnection::Handler
  std::shared_ptr<const http_server::ServerLimits> limits() override { return dispatcher_.limits_; }
  void on_request(http::RequestHead& head) override;
  void on_closed(http_server::EndReason) override { dispatcher_.remove(*this); }

  bool admit_page(const http::RequestHead& head, const MappedPath& path);
  void negotiate(const http::RequestHead& head, const MappedPath& path);
  void dispatch(http::RequestHead& head, const MappedPath& path);
  void upgrade(http::RequestHead& head, const MappedPath& path, HttpConnection* connection);
  void answer(const http::RequestHead& head, const Answer& answer);

  HttpConnectionDispatcher& dispatcher_;
  ConnectionOrigin origin_;
  http::Headers page_fields_;  // what the answer to the present request says to a browser's page
  std::size_t place_ = 0;      // in the dispatcher's list
  std::unique_ptr<http_server::ServerConnection> connection_;
};

}  // namespace hubgate::hub
