#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/descriptor.h"
#include "common/event/disposable.h"
#include "common/http_server/server_connection.h"
#include "common/net/address.h"
#include "common/net/cidr.h"
#include "common/net/proxy_header_receiver.h"
#include "proxy/session/exchange.h"
#include "proxy/session/request_rewriter.h"
#include "proxy/session/session_services.h"
#include "proxy/session/tunnel.h"

namespace hubgate::net {
class TlsContext;
}

namespace hubgate::proxy {

/// What a session must know of the listener it came from; immutable, kept by its sessions when the listener goes.
struct ListenerFacts {
  std::string name;
  std::shared_ptr<const net::TlsContext> tls;  // null: plaintext
  bool proxy_protocol = false;                 // each connection begins with a PROXY header
  std::vector<net::Cidr> trusted{};            // whose PROXY header and forwarding fields are believed
  std::uint64_t door = 0;  // the socket's number: it may get other facts, and its name another socket
};

/// The facts of a listener that has been checked; `tls` as loaded from its files.
std::shared_ptr<const ListenerFacts> make_listener_facts(const ListenerConfig& config,
                                                         std::shared_ptr<const net::TlsContext> tls,
                                                         std::uint64_t door = 0);

/// One client's connection: its requests in turn, then perhaps a tunnel, or a handover, which ends the session when
/// the worker has acked. Owned by the Proxy; its loop's thread.
class DownstreamSession final : public event::Disposable,
                                private http_server::ServerConnection::Handler,
                                private Exchange::Owner {
 public:
  /// The last call, never out of the constructor: the owner disposes of the session.
  using OnEnded = std::function<void(DownstreamSession&)>;

  /// Whether a connection of `peer` may become a session; counted when not. `place` is for the constructor: where the
  /// connection stands among those of its source.
  static bool admits(SessionServices& services, const ListenerFacts& listener, const net::Address& peer,
                     std::shared_ptr<void>& place);

  /// `peer` as the listener saw it, admitted.
  DownstreamSession(SessionServices& services, std::shared_ptr<const ListenerFacts> listener, Descriptor socket,
                    const net::Address& peer, std::shared_ptr<void> place, OnEnded on_ended);
  ~DownstreamSession() override;
  DownstreamSession(const DownstreamSession&) = delete;
  DownstreamSession& operator=(const DownstreamSession&) = delete;

  /// The proxy stops, or its listener goes: an idle connection is closed at once, an answer under way is the last one,
  /// a tunnel ends at the next edge between two frames, a handover is settled first. on_ended follows, from a later
  /// turn.
  enum class Closing : std::uint8_t {
    kNo,
    kLeaveToWorkers,  // the gateway stops: its workers say goodbye on tunnels of theirs, which then end by themselves
    kAll,             // the proxy ends alone
  };
  void close_soon(Closing how);
  /// No further request: an idle connection is closed, an answer under way is the last one. Tunnels stay.
  void end_after_answer();
  const ListenerFacts& listener() const { return *listener_; }

  void retire() override;

 private:
  // http_server::ServerConnection::Handler
  std::shared_ptr<const http_server::ServerLimits> limits() override;
  void on_request(http::RequestHead& head) override;
  std::size_t on_body(MutableBytes piece) override { return exchange_ ? exchange_->on_body(piece) : piece.size(); }
  void on_request_end() override;
  void on_response_drained() override;
  bool on_half_closed() override { return exchange_ && exchange_->wants_half_closed(); }
  void on_rejected(http::Rejection rejection, int status) override;
  void on_closed(http_server::EndReason reason) override;
  // Exchange::Owner
  void on_exchange_ended(bool cut) override;
  void on_switched(std::unique_ptr<net::Connection> client, std::unique_ptr<net::Connection> endpoint,
                   EndpointLease lease, const TunnelLimits& limits, WebSocketFacts facts) override;
  void on_handed_over(bool acked) override;
  void on_client_returned(Descriptor socket, const std::string& input) override;

  void serve(Descriptor socket);
  void on_proxy_header(Result<net::ProxyHeader> header, Descriptor socket);
  void end_tunnel();
  void on_tunnel_ended(const TunnelReport& report);
  void record_rejected(http::Rejection rejection, int status);
  void drop_exchange();
  void break_silence();
  void end();

  SessionServices& services_;
  std::shared_ptr<const ListenerFacts> listener_;
  std::unique_ptr<ClientFacts> facts_;  // while there may be requests: an idle tunnel is small
  std::shared_ptr<void> place_;         // of a tunnel: the client's among the connections of its source
  OnEnded on_ended_;
  std::unique_ptr<net::ProxyHeaderReceiver> header_;  // first, on a listener with proxy_protocol
  std::unique_ptr<http_server::ServerConnection> server_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Tunnel> tunnel_;
  std::unique_ptr<WebSocketFacts> tunnel_facts_;
  TunnelCounts::iterator tunnel_count_;  // of tunnel_
  Closing closing_ = Closing::kNo;
  bool silent_ = true;  // no request has come yet
  bool ended_ = false;
};

}  // namespace hubgate::proxy
