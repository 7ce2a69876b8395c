#include "proxy/session/request_plan.h"

namespace hubgate::proxy {
namespace {

RequestPlan answer(RequestPlan plan, int status) {
  plan.action = RequestPlan::Action::kAnswer;
  plan.status = status;
  return plan;
}

// What becomes of an upgrade offer; 0: nothing to object to.
int judge_upgrade(http::UpgradeOffer offer, HubPart hub, bool& is_upgrade) {
  is_upgrade = offer == http::UpgradeOffer::kWebSocket && (hub == HubPart::kNone || hub == HubPart::kConnect);
  // On a hub's path a defective offer is an ordinary request, which the hub answers in its own words.
  if (hub != HubPart::kNone) return 0;
  if (offer == http::UpgradeOffer::kBadVersion) return 426;
  if (offer == http::UpgradeOffer::kBadKey) return 400;
  return 0;
}

}  // namespace

RequestPlan plan_request(const http::RequestHead& head, std::string_view listener, const Snapshot& snapshot,
                         const HubPaths& hub_paths, const AffinityTable& affinity) {
  RequestPlan plan;
  if (head.target == "*") return answer(std::move(plan), 204);  // OPTIONS *: asks of the server as a whole
  const http::SplitTarget split = http::split_target(head.target);
  std::optional<http::NormalisedPath> path = http::normalise_path(split.path);
  if (!path) return answer(std::move(plan), 400);
  plan.path = std::move(path->text);
  plan.target = plan.path;
  if (split.has_query) plan.target.append("?").append(split.query);

  const RouteTable::Match match = snapshot.routes.find(listener, plan.path, hub_paths);
  if (match.route == nullptr) return answer(std::move(plan), 404);
  plan.route = match.route->prefix;
  // An encoded slash within what was matched could be read as another path behind us.
  if (path->encoded_separator < plan.route.size()) return answer(std::move(plan), 400);
  if (match.route->pool.empty()) {
    plan.action = RequestPlan::Action::kFolder;
    plan.folder = match.route->folder;
    return plan;
  }

  plan.action = RequestPlan::Action::kPool;
  plan.pool = match.route->pool;
  plan.hub = match.hub;
  if (const int status = judge_upgrade(head.upgrade, plan.hub, plan.is_upgrade)) return answer(std::move(plan), status);
  const bool reads_id = plan.hub == HubPart::kConnect || plan.hub == HubPart::kRefresh;
  if (reads_id && head.method != "OPTIONS") {
    const AffinityTable::Verdict verdict = affinity.find_in_query(split.query);
    plan.affinity = verdict.affinity;
    plan.bound_to = verdict.endpoint;
  }
  return plan;
}

}  // namespace hubgate::proxy
