#include "proxy/session/exchange.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "common/http/http1_writer.h"
#include "proxy/pool/idle_connections.h"
#include "proxy/pool/pool_registry.h"
#include "proxy/session/socket_options.h"

namespace hubgate::proxy {
namespace {

constexpr int kMaxReturns = 8;  // handovers of one request that came to nothing

}  // namespace

Exchange::Exchange(SessionServices& services, const ClientFacts& facts, Owner& owner,
                   http_server::ServerConnection& downstream, http::RequestHead head)
    : services_(services),
      facts_(facts),
      owner_(owner),
      downstream_(&downstream),
      head_(std::move(head)),
      request_id_(services.random.token()),
      deadline_(services.timers, [this] { on_waited_long(); }) {}

Exchange::~Exchange() { retire(); }

void Exchange::retire() {
  if (began_ != TimePoint() && !recorded_) record(TerminationReason::kProxyStopped);
  stop_waiting();
  deadline_.cancel();
  alive_.reset();
  handover_.reset();
  if (file_) --services_.metrics.files_open;
  file_.reset();
  drop_upstream();
  lease_.release();
  if (std::exchange(retrying_, false)) pool_->end_retry();
}

void Exchange::move_to(ExchangeState state) {
  assert(may_move(state_, state));
  services_.log.trace("exchange", {{"id", request_id_}, {"from", to_string(state_)}, {"to", to_string(state)}});
  state_ = state;
}

void Exchange::start() {
  client_ = forwarded_client(head_.headers, facts_);
  began_ = services_.timers.now();
  proceed();
}

bool Exchange::is_plan_stale() const {
  return revision_ != services_.snapshot->revision || hub_paths_revision_ != services_.hub_paths.revision();
}

// Finds out what is to be done, by what is in force and announced now, and begins with it. Again for one that has
// waited meanwhile: at a gateway's start clients come before the first worker has said which hubs it has.
void Exchange::proceed(Turn turn) {
  const HubPart before = plan_.hub;
  revision_ = services_.snapshot->revision;
  hub_paths_revision_ = services_.hub_paths.revision();
  plan_ = plan_request(head_, facts_.listener, *services_.snapshot, services_.hub_paths, services_.affinity);
  switch (plan_.action) {
    case RequestPlan::Action::kAnswer:
      if (plan_.rejection != http::Rejection::kNone) {
        ++services_.metrics.rejected[static_cast<std::size_t>(plan_.rejection)];
      }
      return answer(plan_.status);
    case RequestPlan::Action::kFolder: return answer_file();
    case RequestPlan::Action::kPool: break;
  }
  pool_ = services_.pools.find(plan_.pool);
  if (pool_ == nullptr) return answer(503);
  if (plan_.is_negotiate(head_.method) && before != HubPart::kNegotiate && !admits_negotiate()) return answer(429);
  // A token opens no door that the route does not: an endpoint of another pool is none that we know.
  if (plan_.affinity == Affinity::kFound && pool_->find(plan_.bound_to) == nullptr) plan_.affinity = Affinity::kUnknown;
  const auto reads_id = [](HubPart part) { return part == HubPart::kConnect || part == HubPart::kRefresh; };
  if (reads_id(plan_.hub) && !reads_id(before)) {
    ++services_.metrics.affinity[static_cast<std::size_t>(plan_.affinity)];
  }
  if (state_ == ExchangeState::kReadingHead) move_to(ExchangeState::kChoosing);
  choose(turn);
}

bool Exchange::admits_negotiate() {
  const LimitsConfig& limits = services_.snapshot->config.limits;
  if (services_.sources.admit_negotiate(client_.client, limits, services_.timers.now())) return true;
  ++services_.metrics.source_refused[static_cast<std::size_t>(SourceRefusal::kNegotiateRate)];
  return false;
}

void Exchange::resume(http_server::ServerConnection& downstream) {
  assert(state_ == ExchangeState::kChoosing);
  downstream_ = &downstream;
  if (++returns_ > kMaxReturns) return answer(503);
  choose();
}

// --- an endpoint ---

Endpoint* Exchange::pick() {
  if (plan_.affinity == Affinity::kFound) {
    if (Endpoint* bound = pool_->find(plan_.bound_to)) {
      return bound->is_reachable() && !bound->is_full() ? bound : nullptr;
    }
    plan_.affinity = Affinity::kGone;  // it ended while we waited or tried
  }
  if (Endpoint* endpoint = pool_->choose(services_.random, tried_)) return endpoint;
  // Rather the same once more than nobody: a lone endpoint may have been restarted meanwhile. But not for a token of
  // its own, which it has been asked for twice.
  return tried_.empty() || bound_failures_ > 0 ? nullptr : pool_->choose(services_.random);
}

void Exchange::choose(Turn turn) {
  const bool must_queue = turn == Turn::kNew && plan_.affinity == Affinity::kNone && pool_->has_a_queue();
  if (must_queue) pool_->changed();  // their turn, and then ours, should there be somewhere to go
  if (Endpoint* endpoint = must_queue ? nullptr : pick()) return go_to(*endpoint);
  // Of a token that is not, or no longer, ours any endpoint could say so; there is none, and the client must not wait
  // for what it will not get.
  if (plan_.affinity == Affinity::kUnknown || plan_.affinity == Affinity::kGone) {
    return answer(make_no_connection_response(plan_.hub == HubPart::kRefresh), TerminationReason::kNoConnection);
  }
  if (!std::exchange(is_queued_, true)) ++pool_->counters.queued;
  if (!waiting_since_) waiting_since_ = services_.timers.now();
  if (!pool_->wait(*this, plan_.affinity == Affinity::kFound)) {
    return answer(503, TerminationReason::kQueueFull);
  }
  deadline_.start_at(*waiting_since_ + pool_->limits().queue_wait);
}

bool Exchange::on_endpoint_change() {
  if (is_plan_stale()) {
    stop_waiting();
    deadline_.cancel();
    proceed(Turn::kOurs);  // which may put it at the end of the queue again, where all that are asked now come in their
                           // order
    return true;
  }
  Endpoint* endpoint = pick();
  if (endpoint == nullptr && plan_.affinity != Affinity::kGone) return false;
  stop_waiting();
  deadline_.cancel();
  if (endpoint != nullptr) {
    go_to(*endpoint);
  } else {
    choose();
  }
  return true;
}

void Exchange::on_waited_long() {
  // While the queue moves nobody in it waits in vain: in a storm of clients the last may have to wait for longer than
  // a worker's restart takes.
  const LimitsConfig& limits = pool_->limits();
  const TimePoint due =
      std::min<TimePoint>(pool_->served_at() + limits.queue_wait, *waiting_since_ + limits.response_head_time);
  if (due > services_.timers.now()) return deadline_.start_at(due);
  stop_waiting();
  ++pool_->counters.queue_timeouts;
  answer(503, TerminationReason::kQueueTimeout);
}

void Exchange::go_to(Endpoint& endpoint) {
  if (std::exchange(is_queued_, false)) {
    pool_->note_served();
    pool_->counters.queue_wait.add(std::chrono::duration<double>(services_.timers.now() - *waiting_since_).count());
  }
  note_endpoint(endpoint);
  if (plan_.is_upgrade && may_hand_over(endpoint) && hand_over(endpoint)) return;
  connect(endpoint);
}

// --- a connection to it ---

void Exchange::connect(Endpoint& endpoint) {
  move_to(ExchangeState::kConnecting);
  using Kind = EndpointLease::Kind;
  lease_ = EndpointLease(endpoint, plan_.is_upgrade      ? Kind::kTunnel
                                   : plan_.may_be_held() ? Kind::kHeld
                                                         : Kind::kRequest);
  ++endpoint.counters.requests;
  alive_ = std::make_shared<char>();
  if ((upstream_ = endpoint.idle().take())) {
    upstream_->set_handler(*this);
    return send();
  }
  if (endpoint.is_local()) {
    socket_is_settled_ = false;
    Result<Descriptor> socket =
        endpoint.slot()->relay_socket([this, alive = std::weak_ptr(alive_)](WorkerSlot::Settled how, Descriptor) {
          if (!alive.expired()) on_relay_settled(how);
        });
    if (!socket) return connect_failed(socket.error());
    return attach(*std::move(socket));
  }
  connector_ = std::make_unique<EndpointConnector>(services_.loop, endpoint, [this](Result<Descriptor> socket) {
    services_.loop.dispose_value(std::move(connector_));  // it is calling us
    if (!socket) return connect_failed(socket.error());
    watch_for_lost_peer(socket->get());
    attach(*std::move(socket));
  });
  connector_->start(pool_->limits().connect_time);
}

void Exchange::attach(Descriptor socket) {
  http_client::ClientConnection::Handler& handler = *this;
  upstream_ =
      std::make_unique<http_client::ClientConnection>(services_.loop, services_.timers, std::move(socket), handler);
  send();
}

void Exchange::send() {
  move_to(ExchangeState::kSending);
  connected_ = services_.timers.now();
  const LimitsConfig& limits = pool_->limits();
  http_client::ExchangeTimeouts timeouts;
  timeouts.response_head = plan_.is_upgrade              ? limits.upgrade_time
                           : plan_.hub != HubPart::kNone ? limits.hub_response_head_time
                                                         : limits.response_head_time;
  timeouts.body_idle = limits.response_body_idle;
  const HeadFor receiver = lease_->is_local() ? HeadFor::kLocalWorker : HeadFor::kOtherProgram;
  const bool is_its_own = plan_.affinity == Affinity::kFound && !lease_->is_local();
  http::RequestHead head = rewrite_request(head_, is_its_own ? plan_.target_without_tag() : plan_.target, facts_,
                                           client_, request_id_, receiver, plan_.is_upgrade);
  if (is_foreign_negotiate()) head.headers.remove("Accept-Encoding");  // its answer is to be read
  upstream_->send(head, timeouts);
  if (socket_is_settled_) admit_body();
}

// The endpoint is settled: the client's body may come.
void Exchange::admit_body() {
  if (head_.body.is_empty()) return;
  if (request_ended_) return upstream_->end_request();
  downstream_->send_continue();
  downstream_->resume_body();
}

void Exchange::on_relay_settled(WorkerSlot::Settled settled) {
  if (settled == WorkerSlot::Settled::kAcked) {
    socket_is_settled_ = true;
    if (state_ != ExchangeState::kSending) return;
    if (lost_) return upstream_failed(*std::exchange(lost_, std::nullopt));
    return admit_body();
  }
  if (state_ != ExchangeState::kSending || response_started_) return;  // the connection itself will tell
  // A refusal says that nothing was read. Without a word, or from a worker that died, the head, which may be all of the
  // request, lies in a socket that was the worker's to read.
  const bool is_out = lost_ ? lost_->request_begun : upstream_->bytes_out() > 0;
  const bool may_repeat = settled == WorkerSlot::Settled::kRefused || !is_out || plan_.is_repeatable(head_.method);
  drop_upstream();
  connect_failed(make_error(ErrorCode::kRefused, "the worker has not taken the connection", Side::kUpstream),
                 may_repeat);
}

// Another attempt costs nothing while nobody has seen anything of the request; the caller knows when one may have.
void Exchange::connect_failed(const Error& error, bool may_repeat) {
  lease_->note_connect_failure(error.side == Side::kUpstream);
  services_.log.debug("connect failed", {{"id", request_id_}, {"endpoint", lease_->name()}, {"error", error.what}});
  if (may_repeat && try_again()) return;
  const bool late = error.code == ErrorCode::kTimeout;
  answer(late                                    ? 504
         : error.code == ErrorCode::kUnavailable ? 503
                                                 : 502,
         late ? TerminationReason::kConnectTimeout : TerminationReason::kConnectFailed);
}

bool Exchange::may_repeat(const http_client::Failure& failure) const {
  if (body_begun_ || response_started_ || failure.response_begun || failure.error.code != ErrorCode::kClosed)
    return false;
  if (!failure.request_begun) return true;
  // With a token only what was never seen is repeated.
  return plan_.affinity != Affinity::kFound && plan_.is_repeatable(head_.method);
}

// True: another attempt has begun.
bool Exchange::try_again() {
  const bool is_bound = plan_.affinity == Affinity::kFound;
  ++failures_;
  // What the endpoint of a token was asked is not among the attempts that the limit is about.
  if (!is_bound && failures_ > pool_->limits().connect_retries + bound_failures_) return false;
  if (WorkerSlot* slot = lease_->slot()) {
    // No budget: whether a worker lives is known, and a second attempt goes to one that does, or waits for it.
    slot->doubt();
  } else if (!retrying_) {
    retrying_ = pool_->begin_retry();
    if (!retrying_ && !is_bound) return false;
  }
  ++services_.metrics.retries;
  if (!is_bound) {
    tried_.push_back(lease_->key());
  } else if (++bound_failures_ > 1 || (!lease_->is_local() && !retrying_)) {
    // The endpoint of a token is asked twice, where the budget has room for it; then it counts as gone, and any other
    // says what SignalR says.
    tried_.push_back(plan_.bound_to);
    plan_.affinity = Affinity::kGone;
  }
  drop_upstream();
  lease_.release();
  move_to(ExchangeState::kChoosing);
  choose();
  return true;
}

void Exchange::drop_upstream() {
  socket_is_settled_ = true;
  upstream_blocked_ = false;
  lost_.reset();
  negotiate_.reset();
  alive_.reset();
  if (upstream_) services_.loop.dispose(std::move(upstream_));
  connector_.reset();  // at once: it may be about to call
}

// --- handover ---

bool Exchange::may_hand_over(const Endpoint& endpoint) const {
  return endpoint.slot() != nullptr && pool_->hands_over() && !facts_.tls && !relay_only_;
}

// False: relay it.
bool Exchange::hand_over(Endpoint& endpoint) {
  std::string text;
  http::append_request_head(
      text, rewrite_request(head_, plan_.target, facts_, client_, request_id_, HeadFor::kLocalWorker, true));
  if (text.size() > Handover::kMaxHeadAndEarly || !downstream_->can_take_connection()) {
    relay_only_ = true;
    return false;
  }
  move_to(ExchangeState::kHandedOver);
  handed_to_ = endpoint.key();
  handover_ = std::make_unique<Handover>(
      services_.metrics, [this](Handover::Returned returned) { on_handover_settled(std::move(returned)); });
  services_.handed_over.given(websocket_facts(AccessRecord::Way::kHandover, endpoint_name_, handed_to_));
  Handover::Returned returned;
  std::unique_ptr<net::Connection> connection = std::exchange(downstream_, nullptr)->take_connection();
  const auto sent = handover_->start(*endpoint.slot(), std::move(text), facts_, client_.client, request_id_,
                                     std::move(connection), returned);
  if (sent == WorkerSlot::HandOver::kSent) return true;
  if (sent == WorkerSlot::HandOver::kTooLarge) relay_only_ = true;
  give_back(std::move(returned));
  return true;
}

void Exchange::on_handover_settled(Handover::Returned returned) {
  using Settled = WorkerSlot::Settled;
  if (returned.settled == Settled::kAcked) {
    if (Endpoint* endpoint = pool_->find(handed_to_)) ++endpoint->counters.handed_over;
  }
  if (returned.settled == Settled::kAcked || returned.settled == Settled::kNoAck) {
    const bool acked = returned.settled == Settled::kAcked;
    connected_ = services_.timers.now();
    if (acked) {
      record_handed_over();
    } else {
      services_.handed_over.returned(handed_to_, request_id_);
      record(TerminationReason::kHandoverNoAck);
    }
    move_to(acked ? ExchangeState::kDone : ExchangeState::kFailed);
    return owner_.on_handed_over(acked);
  }
  give_back(std::move(returned));
}

// The client is ours again, with its request unanswered: a fresh server connection reads it once more.
void Exchange::give_back(Handover::Returned returned) {
  services_.handed_over.returned(handed_to_, request_id_);
  services_.loop.dispose_value(std::move(handover_));  // it may be calling us
  move_to(ExchangeState::kChoosing);
  std::string input;
  http::append_request_head(input, head_);
  input += returned.early;
  owner_.on_client_returned(std::move(returned.socket), input);
}

}  // namespace hubgate::proxy
