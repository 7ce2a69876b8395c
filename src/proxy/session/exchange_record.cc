// The third part of Exchange: what the access log says of it.
#include <utility>

#include "common/http/uri.h"
#include "proxy/session/exchange.h"

namespace hubgate::proxy {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

// Who ended an exchange for that reason.
ClosedBy by_of(TerminationReason reason) {
  switch (reason) {
    case TerminationReason::kCompleted:
    case TerminationReason::kConnectFailed:
    case TerminationReason::kConnectTimeout:
    case TerminationReason::kEndpointClosed:
    case TerminationReason::kBadResponse:
    case TerminationReason::kNegotiateUnreadable:
    case TerminationReason::kResponseTimeout:
    case TerminationReason::kAnswerCut:
    case TerminationReason::kHandoverNoAck: return ClosedBy::kEndpoint;
    case TerminationReason::kClientGone:
    case TerminationReason::kSlowClient:
    case TerminationReason::kRejected: return ClosedBy::kClient;
    default: return ClosedBy::kProxy;
  }
}

microseconds between(TimePoint from, TimePoint to) {
  return from == TimePoint() || to == TimePoint() ? microseconds(-1) : duration_cast<microseconds>(to - from);
}

}  // namespace

void Exchange::note_endpoint(const Endpoint& endpoint) {
  chosen_ = services_.timers.now();
  connected_ = {};
  endpoint_name_ = endpoint.name();
  endpoint_key_ = endpoint.key();
}

AffinityAction Exchange::affinity_action() const {
  if (plan_.action != RequestPlan::Action::kPool) return AffinityAction::kNone;
  if (endpoint_name_.empty()) return AffinityAction::kRefused;
  switch (plan_.affinity) {
    case Affinity::kNone: return AffinityAction::kChosen;
    case Affinity::kFound: return AffinityAction::kBound;
    default: return AffinityAction::kRerouted;
  }
}

WebSocketFacts Exchange::websocket_facts(AccessRecord::Way way, const std::string& endpoint, EndpointKey key) const {
  WebSocketFacts facts;
  facts.request_id = request_id_;
  facts.client = client_.client.to_string();
  facts.listener = facts_.listener;
  facts.path = plan_.path.substr(0, WebSocketFacts::kMostPath);
  facts.route = plan_.route;
  facts.pool = plan_.pool;
  facts.endpoint = endpoint;
  facts.key = key;
  facts.revision = revision_;
  facts.opened = services_.access_log.now();
  facts.way = way;
  facts.affinity = plan_.affinity;
  facts.action = affinity_action();
  facts.tls = facts_.tls;
  return facts;
}

// Views into this exchange, but for the client's address, which the caller has.
AccessRecord Exchange::opening_record(AccessRecord::Way way) const {
  AccessRecord record;
  record.kind = way == AccessRecord::Way::kNone ? AccessRecord::Kind::kHttp : AccessRecord::Kind::kWebSocketOpened;
  record.way = way;
  record.request_id = request_id_;
  record.listener = facts_.listener;
  record.tls = facts_.tls;
  record.method = head_.method;
  record.path = plan_.path;
  record.query = http::split_target(head_.target).query;
  record.status = way == AccessRecord::Way::kNone ? status_ : 101;
  record.route = plan_.route;
  record.pool = plan_.pool;
  record.endpoint = endpoint_name_;
  record.generation = endpoint_key_.generation;
  record.revision = revision_;
  record.affinity = plan_.affinity;
  record.action = affinity_action();
  record.retries = failures_;
  record.waited = between(began_, chosen_);
  record.connected = between(chosen_, connected_);
  record.answered = between(connected_, answered_);
  return record;
}

void Exchange::record_handed_over() {
  recorded_ = true;
  const std::string client = client_.client.to_string();
  AccessRecord record = opening_record(AccessRecord::Way::kHandover);
  record.client = client;
  services_.handed_over.taken(handed_to_, request_id_, record);
}

void Exchange::abandon(TerminationReason reason, int status, std::string_view detail) {
  if (status != 0) status_ = status;
  detail_ = detail;
  record(reason);
}

// Once; what comes later is about an exchange that is over.
void Exchange::record(TerminationReason reason) {
  if (std::exchange(recorded_, true) || !services_.access_log.is_on()) return;
  const std::string client = client_.client.to_string();
  AccessRecord record = opening_record(AccessRecord::Way::kNone);
  record.client = client;
  record.reason = reason;
  record.by = by_of(reason);
  if (reason == TerminationReason::kCompleted && endpoint_name_.empty()) record.by = ClosedBy::kProxy;
  record.detail = detail_;
  record.bytes_in = body_in_;
  record.bytes_out = body_out_;
  record.total = between(began_, services_.timers.now());
  services_.access_log.write(record);
}

}  // namespace hubgate::proxy
