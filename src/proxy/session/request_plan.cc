#include "proxy/session/request_plan.h"

#include <algorithm>
#include <array>

#include "proxy/routing/negotiate_token.h"

namespace hubgate::proxy {
namespace {

RequestPlan answer(RequestPlan plan, int status) {
  plan.action = RequestPlan::Action::kAnswer;
  plan.status = status;
  return plan;
}

RequestPlan refuse(RequestPlan plan, http::Rejection why) {
  plan.rejection = why;
  return answer(std::move(plan), http::status_of(why));
}

// What is to be said against an upgrade offer. On a hub's path a defective one is an ordinary request, which the hub
// answers in its own words.
http::Rejection judge_upgrade(http::UpgradeOffer offer, HubPart hub) {
  if (hub != HubPart::kNone) return http::Rejection::kNone;
  if (offer == http::UpgradeOffer::kBadVersion) return http::Rejection::kUpgradeVersion;
  if (offer == http::UpgradeOffer::kBadKey) return http::Rejection::kUpgradeKey;
  return http::Rejection::kNone;
}

}  // namespace

bool RequestPlan::is_repeatable(std::string_view method) const {
  constexpr std::array<std::string_view, 5> kIdempotent{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
  return is_negotiate(method) || std::find(kIdempotent.begin(), kIdempotent.end(), method) != kIdempotent.end();
}

std::string RequestPlan::target_without_tag() const {
  const http::SplitTarget split = http::split_target(target);
  std::string out(split.path);
  if (split.has_query) out.append("?").append(without_tag(split.query, AffinityTag::kLength));
  return out;
}

RequestPlan plan_request(const http::RequestHead& head, std::string_view listener, const Snapshot& snapshot,
                         const HubPaths& hub_paths, const AffinityTable& affinity) {
  RequestPlan plan;
  if (head.target == "*") return answer(std::move(plan), 204);  // OPTIONS *: asks of the server as a whole
  const http::SplitTarget split = http::split_target(head.target);
  std::optional<http::NormalisedPath> path = http::normalise_path(split.path);
  if (!path) return refuse(std::move(plan), http::Rejection::kPath);
  plan.path = std::move(path->text);
  plan.target = plan.path;
  if (split.has_query) plan.target.append("?").append(split.query);

  const RouteTable::Match match = snapshot.routes.find(listener, plan.path, hub_paths);
  if (path->encoded_separator != std::string::npos) {
    // Who decodes it behind us must not see what we would have routed otherwise.
    const RouteTable::Match decoded =
        snapshot.routes.find(listener, http::with_separators_decoded(plan.path), hub_paths);
    if (decoded.route != match.route || decoded.hub != match.hub) {
      return refuse(std::move(plan), http::Rejection::kEncodedSeparator);
    }
  }
  if (match.route == nullptr) return answer(std::move(plan), 404);
  plan.route = match.route->prefix;
  plan.hub = match.hub;
  if (const auto why = judge_upgrade(head.upgrade, plan.hub); why != http::Rejection::kNone) {
    return refuse(std::move(plan), why);
  }
  if (match.route->pool.empty()) {
    plan.action = RequestPlan::Action::kFolder;
    plan.folder = match.route->folder;
    return plan;
  }

  plan.action = RequestPlan::Action::kPool;
  plan.pool = match.route->pool;
  plan.is_upgrade =
      head.upgrade == http::UpgradeOffer::kWebSocket && (plan.hub == HubPart::kNone || plan.hub == HubPart::kConnect);
  const bool reads_id = plan.hub == HubPart::kConnect || plan.hub == HubPart::kRefresh;
  if (reads_id && head.method != "OPTIONS") {
    const AffinityTable::Verdict verdict = affinity.find_in_query(split.query);
    plan.affinity = verdict.affinity;
    plan.bound_to = verdict.endpoint;
  }
  return plan;
}

}  // namespace hubgate::proxy
