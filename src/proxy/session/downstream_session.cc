#include "proxy/session/downstream_session.h"

#include <sys/socket.h>

#include <utility>

#include "common/net/tls_context.h"
#include "proxy/session/socket_options.h"

namespace hubgate::proxy {
namespace {

constexpr std::size_t kHeadSlack = 64;  // bytes, or fields, that writing a head anew may add

std::optional<unsigned> user_of(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;
  return credentials.uid;
}

}  // namespace

std::shared_ptr<const ListenerFacts> make_listener_facts(const ListenerConfig& config,
                                                         std::shared_ptr<const net::TlsContext> tls,
                                                         std::uint64_t door) {
  auto facts = std::make_shared<ListenerFacts>();
  facts->name = config.name;
  facts->tls = std::move(tls);
  facts->door = door;
  facts->proxy_protocol = config.proxy_protocol;
  for (const std::string& range : config.trusted_cidrs) {
    if (const auto parsed = net::Cidr::parse(range)) facts->trusted.push_back(*parsed);
  }
  return facts;
}

bool DownstreamSession::admits(SessionServices& services, const ListenerFacts& listener, const net::Address& peer,
                               std::shared_ptr<void>& place) {
  const bool trusted = net::contains(listener.trusted, peer);
  SourceLimits::Admission admission;
  if (listener.proxy_protocol) {
    // A header from anybody would let anybody be anyone.
    if (!trusted) admission.refusal = SourceRefusal::kUntrusted;
  } else if (!trusted) {
    // A balancer is many clients.
    admission = services.sources.admit_connection(peer, services.snapshot->config.limits, services.timers.now());
  }
  place = std::move(admission.place);
  if (admission.is_admitted()) return true;
  ++services.metrics.source_refused[static_cast<std::size_t>(admission.refusal)];
  services.log.debug(
      "connection refused",
      {{"listener", listener.name}, {"client", peer.to_string()}, {"reason", to_string(admission.refusal)}});
  return false;
}

DownstreamSession::DownstreamSession(SessionServices& services, std::shared_ptr<const ListenerFacts> listener,
                                     Descriptor socket, const net::Address& peer, std::shared_ptr<void> place,
                                     OnEnded on_ended)
    : services_(services),
      listener_(std::move(listener)),
      facts_(std::make_unique<ClientFacts>()),
      on_ended_(std::move(on_ended)) {
  facts_->listener = listener_->name;
  facts_->peer = peer;
  facts_->local = net::Address::local_of(socket.get());
  facts_->tls = listener_->tls != nullptr;
  facts_->trusted = listener_->trusted;
  facts_->place = std::move(place);
  if (!peer.is_ip()) facts_->user = user_of(socket.get());
  watch_for_lost_peer(socket.get());
  ++services_.metrics.sessions_opened;
  ++services_.metrics.sessions_active;
  ++services_.metrics.sessions_silent;
  if (!listener_->proxy_protocol) {
    serve(std::move(socket));
    return;
  }
  header_ = std::make_unique<net::ProxyHeaderReceiver>(services_.loop, services_.timers, std::move(socket),
                                                       services_.snapshot->config.limits.proxy_header_time,
                                                       [this](Result<net::ProxyHeader> header, Descriptor given) {
                                                         on_proxy_header(std::move(header), std::move(given));
                                                       });
}

void DownstreamSession::on_proxy_header(Result<net::ProxyHeader> header, Descriptor socket) {
  services_.loop.dispose_value(std::move(header_));  // it is calling us
  if (!header) {
    ++services_.metrics.source_refused[static_cast<std::size_t>(SourceRefusal::kProxyHeader)];
    services_.log.debug(
        "bad PROXY header",
        {{"listener", facts_->listener}, {"peer", facts_->peer.to_string()}, {"error", header.error().what}});
    return end();
  }
  if (!header->client.is_empty()) {
    facts_->peer = header->client;
    facts_->local = header->local;
    facts_->user.reset();
    if (!net::contains(listener_->trusted, facts_->peer)) {
      auto admission =
          services_.sources.admit_connection(facts_->peer, services_.snapshot->config.limits, services_.timers.now());
      if (!admission.is_admitted()) {
        ++services_.metrics.source_refused[static_cast<std::size_t>(admission.refusal)];
        return end();
      }
      facts_->place = std::move(admission.place);
    }
  }
  serve(std::move(socket));
}

void DownstreamSession::serve(Descriptor socket) {
  std::unique_ptr<net::TlsTransport> tls =
      listener_->tls ? listener_->tls->accept(socket.get(), services_.handshakes) : nullptr;
  http_server::ServerConnection::Handler& handler = *this;
  server_ = std::make_unique<http_server::ServerConnection>(services_.loop, services_.timers, std::move(socket),
                                                            std::move(tls), handler);
}

DownstreamSession::~DownstreamSession() = default;

void DownstreamSession::retire() {
  --services_.metrics.sessions_active;
  break_silence();
  ended_ = true;
  drop_exchange();
  if (header_) {
    header_->close();
    services_.loop.dispose_value(std::move(header_));
  }
  if (server_) services_.loop.dispose(std::move(server_));
  if (tunnel_) {
    --services_.metrics.tunnels_active;
    if (--tunnel_count_->second == 0) services_.metrics.tunnels.erase(tunnel_count_);
    services_.loop.dispose(std::move(tunnel_));
  }
}

void DownstreamSession::break_silence() {
  if (std::exchange(silent_, false)) --services_.metrics.sessions_silent;
}

void DownstreamSession::close_soon(Closing how) {
  if (closing_ >= how) return;
  closing_ = how;
  if (tunnel_) return end_tunnel();
  if (server_) return server_->drain();
  if (header_) header_->end_soon();
}

void DownstreamSession::end_tunnel() {
  if (closing_ == Closing::kAll || !tunnel_->is_of_worker()) tunnel_->end_at_edge();
}

void DownstreamSession::end_after_answer() {
  if (server_) server_->drain();
}

std::shared_ptr<const http_server::ServerLimits> DownstreamSession::limits() {
  if (!exchange_) return services_.server_limits();
  // The head of an exchange that is back from a handover: it kept the limits when it came, and we write it with a
  // space behind each colon.
  auto roomy = std::make_shared<http_server::ServerLimits>(*services_.server_limits());
  roomy->reader.head += roomy->reader.fields + kHeadSlack;
  roomy->reader.field += kHeadSlack;
  roomy->reader.fields += kHeadSlack;
  return roomy;
}

void DownstreamSession::on_request(http::RequestHead& head) {
  break_silence();
  if (closing_ != Closing::kNo) server_->drain();     // the answer is the last one
  if (exchange_) return exchange_->resume(*server_);  // back from a handover, its request once more
  ++services_.metrics.requests;
  Exchange::Owner& owner = *this;
  exchange_ = std::make_unique<Exchange>(services_, *facts_, owner, *server_, std::move(head));
  exchange_->start();
}

void DownstreamSession::on_request_end() {
  if (exchange_) exchange_->on_request_end();
}

void DownstreamSession::on_response_drained() {
  if (exchange_) exchange_->on_response_drained();
}

void DownstreamSession::on_rejected(http::Rejection rejection, int status) {
  ++services_.metrics.rejected[static_cast<std::size_t>(rejection)];
  services_.log.debug(
      "request rejected",
      {{"client", facts_->peer.to_string()}, {"reason", http::to_string(rejection)}, {"status", status}});
  if (exchange_) {
    exchange_->abandon(TerminationReason::kRejected, status, http::to_string(rejection));
  } else {
    record_rejected(rejection, status);
  }
  drop_exchange();  // an open one is void
}

// Nothing of the request is known but that it was none.
void DownstreamSession::record_rejected(http::Rejection rejection, int status) {
  if (!services_.access_log.is_on()) return;
  const std::string client = facts_->peer.to_string();
  AccessRecord record;
  record.client = client;
  record.listener = facts_->listener;
  record.tls = facts_->tls;
  record.status = status;
  record.reason = TerminationReason::kRejected;
  record.by = ClosedBy::kClient;
  record.detail = http::to_string(rejection);
  record.action = AffinityAction::kRefused;
  services_.access_log.write(record);
}

void DownstreamSession::on_closed(http_server::EndReason reason) {
  services_.log.trace("session closed", {{"client", facts_->peer.to_string()}, {"reason", to_string(reason)}});
  if (exchange_) {
    const bool slow = reason == http_server::EndReason::kSlowReader || reason == http_server::EndReason::kOverflow;
    exchange_->abandon(slow ? TerminationReason::kSlowClient : TerminationReason::kClientGone);
  }
  end();
}

void DownstreamSession::on_exchange_ended(bool cut) {
  drop_exchange();
  if (cut) end();
}

void DownstreamSession::on_switched(std::unique_ptr<net::Connection> client, std::unique_ptr<net::Connection> endpoint,
                                    EndpointLease lease, const TunnelLimits& limits, WebSocketFacts facts) {
  tunnel_facts_ = std::make_unique<WebSocketFacts>(std::move(facts));
  services_.loop.dispose(std::move(server_));
  tunnel_ = std::make_unique<Tunnel>(services_.timers, std::move(client), std::move(endpoint), std::move(lease), limits,
                                     [this](const TunnelReport& report) { on_tunnel_ended(report); });
  ++services_.metrics.tunnels_opened;
  ++services_.metrics.tunnels_active;
  tunnel_count_ = services_.metrics.tunnels.try_emplace({tunnel_facts_->route, tunnel_facts_->endpoint}).first;
  ++tunnel_count_->second;
  services_.log.debug("tunnel opened", {{"id", tunnel_facts_->request_id}, {"path", exchange_->plan().path}});
  drop_exchange();
  place_ = std::move(facts_->place);
  services_.loop.dispose_value(std::move(facts_));  // the exchange refers to it until the end of the turn
  if (closing_ != Closing::kNo) end_tunnel();
}

void DownstreamSession::on_tunnel_ended(const TunnelReport& report) {
  SessionMetrics& metrics = services_.metrics;
  metrics.tunnels_closed.add(report.by, report.reason);
  metrics.tunnel_bytes_in += report.bytes_in;
  metrics.tunnel_bytes_out += report.bytes_out;
  if (report.lost_frames) ++metrics.tunnels_not_frames;
  services_.log.debug("tunnel closed", {{"id", tunnel_facts_->request_id},
                                        {"by", to_string(report.by)},
                                        {"reason", to_string(report.reason)},
                                        {"code", report.close_code},
                                        {"bytes_in", report.bytes_in},
                                        {"bytes_out", report.bytes_out},
                                        {"frames_in", report.frames_in},
                                        {"frames_out", report.frames_out}});
  if (services_.access_log.is_on()) {
    AccessRecord record = record_of(*tunnel_facts_, AccessRecord::Kind::kWebSocketClosed);
    record.reason = report.reason;
    record.by = report.by;
    if (report.lost_frames) record.detail = "no_frames";
    record.close_code = report.close_code;
    record.bytes_in = report.bytes_in;
    record.bytes_out = report.bytes_out;
    record.frames_in = report.frames_in;
    record.frames_out = report.frames_out;
    record.total =
        std::chrono::duration_cast<std::chrono::microseconds>(services_.access_log.now() - tunnel_facts_->opened);
    services_.access_log.write(record);
  }
  end();
}

void DownstreamSession::on_handed_over(bool acked) {
  if (!acked) services_.log.warn("handover without an answer", {{"id", exchange_->request_id()}});
  drop_exchange();
  end();
}

void DownstreamSession::on_client_returned(Descriptor socket, const std::string& input) {
  services_.loop.dispose(std::move(server_));
  http_server::ServerConnection::Handler& handler = *this;
  server_ =
      std::make_unique<http_server::ServerConnection>(services_.loop, services_.timers, std::move(socket), handler);
  server_->prepend_input(as_bytes(input));
}

void DownstreamSession::drop_exchange() {
  if (exchange_) services_.loop.dispose(std::move(exchange_));
}

void DownstreamSession::end() {
  if (!std::exchange(ended_, true)) on_ended_(*this);
}

}  // namespace hubgate::proxy
