#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/event/disposable.h"
#include "common/event/timer.h"
#include "common/http_client/client_connection.h"
#include "common/http_server/server_connection.h"
#include "proxy/access/access_record.h"
#include "proxy/access/websocket_facts.h"
#include "proxy/pool/endpoint_connector.h"
#include "proxy/pool/pool.h"
#include "proxy/session/error_response.h"
#include "proxy/session/exchange_state.h"
#include "proxy/session/handover.h"
#include "proxy/session/negotiate_answer.h"
#include "proxy/session/request_plan.h"
#include "proxy/session/request_rewriter.h"
#include "proxy/session/session_services.h"
#include "proxy/session/static_files.h"
#include "proxy/session/tunnel.h"

namespace hubgate::proxy {

/// One request of a client and its answer: finds out what is to be done, an endpoint and a way to it, tries again where
/// that is allowed, and passes both bodies on with back-pressure. Owned by its session; its loop's thread.
class Exchange final : public event::Disposable, private PoolWaiter, private http_client::ClientConnection::Handler {
 public:
  /// What the session does for its exchange. Each call is the exchange's last act, so it may be disposed of in it.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The answer is complete; or, `cut`, it could not be completed and the client's connection was aborted.
    virtual void on_exchange_ended(bool cut) = 0;
    /// A verified 101 has been written to `client`; the rest is a tunnel's.
    virtual void on_switched(std::unique_ptr<net::Connection> client, std::unique_ptr<net::Connection> endpoint,
                             EndpointLease lease, const TunnelLimits& limits, WebSocketFacts facts) = 0;
    /// A worker has the client's socket; or, not `acked`, it was closed because the worker did not say so in time.
    virtual void on_handed_over(bool acked) = 0;
    /// The client's socket is back from a handover. Make a server connection that reads `input` first: it is this
    /// request once more, and its on_request is answered by resume().
    virtual void on_client_returned(Descriptor socket, const std::string& input) = 0;
  };

  /// `head` is read and judged in start(). References outlive the exchange, but `downstream` is let go with a handover.
  Exchange(SessionServices& services, const ClientFacts& facts, Owner& owner, http_server::ServerConnection& downstream,
           http::RequestHead head);
  ~Exchange() override;

  void start();
  /// After on_client_returned.
  void resume(http_server::ServerConnection& downstream);

  /// It ends with its client, and not by an answer of ours: its record is written.
  void abandon(TerminationReason reason, int status = 0, std::string_view detail = {});

  // What the server connection tells its handler, passed on.
  std::size_t on_body(MutableBytes piece);
  void on_request_end();
  void on_response_drained();
  /// Whether a client that has ended its side still wants the answer.
  bool wants_half_closed() const { return !plan_.is_upgrade && !plan_.may_be_held(); }

  ExchangeState state() const { return state_; }
  const RequestPlan& plan() const { return plan_; }
  const std::string& request_id() const { return request_id_; }

  void retire() override;

 private:
  // PoolWaiter
  bool on_endpoint_change() override;
  // http_client::ClientConnection::Handler
  void on_interim(http::ResponseHead& head) override;
  void on_response_head(http::ResponseHead& head) override;
  std::size_t on_response_body(MutableBytes piece) override;
  void on_response_end(bool reusable) override;
  void on_request_drained() override;
  void on_upgraded(http::ResponseHead& head) override;
  void on_failed(const http_client::Failure& failure) override;

  void move_to(ExchangeState state);
  bool admits_negotiate();
  bool is_plan_stale() const;
  // Whether those that wait in the pool's queue come first.
  enum class Turn : std::uint8_t { kNew, kOurs };
  void proceed(Turn turn = Turn::kNew);
  void choose(Turn turn = Turn::kOurs);
  Endpoint* pick();
  void on_waited_long();
  void go_to(Endpoint& endpoint);
  void connect(Endpoint& endpoint);
  void attach(Descriptor socket);
  void admit_body();
  void send();
  void on_relay_settled(WorkerSlot::Settled settled);
  void connect_failed(const Error& error, bool may_repeat = true);
  void upstream_failed(const http_client::Failure& failure);
  bool may_repeat(const http_client::Failure& failure) const;
  bool try_again();
  bool is_foreign_negotiate() const;
  void pass_head(http::ResponseHead& head);
  void finish_negotiate();
  void refuse_negotiate(const Error& error);
  bool may_hand_over(const Endpoint& endpoint) const;
  bool hand_over(Endpoint& endpoint);
  void give_back(Handover::Returned returned);
  void on_handover_settled(Handover::Returned returned);
  void answer_file();
  void send_file();
  void answer(int status);
  void answer(int status, TerminationReason reason);
  void answer(ErrorResponse response, TerminationReason reason);
  void cut();
  void finish(ExchangeState how, bool cut);
  // Its record, in exchange_record.cc.
  AffinityAction affinity_action() const;
  WebSocketFacts websocket_facts(AccessRecord::Way way, const std::string& endpoint, EndpointKey key) const;
  AccessRecord opening_record(AccessRecord::Way way) const;
  void note_endpoint(const Endpoint& endpoint);
  void record(TerminationReason reason);
  void record_handed_over();
  void drop_upstream();

  SessionServices& services_;
  const ClientFacts& facts_;
  Owner& owner_;
  http_server::ServerConnection* downstream_;
  http::RequestHead head_;
  ForwardedClient client_;
  RequestPlan plan_;
  std::string request_id_;
  Pool* pool_ = nullptr;  // lives as long as the registry
  EndpointLease lease_;
  std::unique_ptr<EndpointConnector> connector_;  // until it has said how it went
  std::unique_ptr<http_client::ClientConnection> upstream_;
  std::optional<http_client::Failure> lost_;  // upstream_ ended before the worker said whether it took it
  std::unique_ptr<Handover> handover_;
  std::unique_ptr<FileAnswer> file_;
  std::optional<NegotiateAnswer> negotiate_;  // of a server that is not ours, until it is whole
  event::Timer deadline_;                     // of the wait for an endpoint
  std::optional<TimePoint> waiting_since_;    // the first time; a second wait does not begin anew
  std::vector<EndpointKey> tried_;            // not again
  EndpointKey handed_to_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // of the attempt under way: what settles later is void
  std::uint32_t failures_ = 0;
  std::uint32_t bound_failures_ = 0;  // of them, at the endpoint of the token
  // For its record.
  TimePoint began_{}, chosen_{}, connected_{}, answered_{};  // zero: it has not come that far
  std::string endpoint_name_;                                // the last that was asked
  EndpointKey endpoint_key_{};
  std::uint64_t revision_ = 0;                // of the snapshot that plan_ was made by
  std::uint64_t hub_paths_revision_ = 0;      // likewise
  std::uint64_t body_in_ = 0, body_out_ = 0;  // bytes
  int status_ = 0;
  TerminationReason reason_ = TerminationReason::kCompleted;
  std::string_view detail_;  // of a rejection: a label
  int returns_ = 0;          // of the client's socket from handovers
  ExchangeState state_ = ExchangeState::kReadingHead;
  bool is_queued_ = false;   // has waited since it was last sent somewhere
  bool relay_only_ = false;  // too large for the link
  bool retrying_ = false;    // counts against the pool's retry budget
  bool request_ended_ = false;
  bool body_begun_ = false;          // bytes of the request's body were taken, so they are spent
  bool socket_is_settled_ = true;    // false: the worker has not acked the relay socket yet, its body waits
  bool upstream_blocked_ = false;    // it takes no more of the request now
  bool downstream_blocked_ = false;  // the client takes no more of the answer now
  bool response_started_ = false;
  bool recorded_ = false;
};

}  // namespace hubgate::proxy
