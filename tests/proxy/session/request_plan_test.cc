#include "proxy/session/request_plan.h"

#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;

namespace {

constexpr EndpointKey kLiving{.endpoint = 7, .generation = 1000};

struct Fixture {
  Fixture() {
    ProxyConfig config;
    config.routes = {
        {.prefix = "/", .pool = {}, .folder = "/srv/www", .listeners = {}},
        {.prefix = "/app", .pool = "main", .folder = {}, .listeners = {}},
        {.prefix = "/live", .pool = "web", .folder = {}, .hub = true, .listeners = {}},
        {.prefix = "/inside", .pool = "main", .folder = {}, .listeners = {"private"}},
    };
    snapshot = make_snapshot(config);
    paths.set("main", {"/app/Chat"});
    tag = affinity.add(kLiving);
  }
  RequestPlan plan(const std::string& target, const std::string& method = "GET",
                   http::UpgradeOffer upgrade = http::UpgradeOffer::kNone) {
    http::RequestHead head;
    head.method = method;
    head.target = target;
    head.upgrade = upgrade;
    return plan_request(head, "public", *snapshot, paths, affinity);
  }
  SnapshotPointer snapshot;
  HubPaths paths;
  AffinityTable affinity{AffinityKeys({AffinityKeys::Key{.id = 1, .secret = {}}}, "0123456789abcdef")};
  std::string tag;
};

}  // namespace

TEST_CASE("a path is normalised once, for the router and for whoever is behind it", "[proxy][session]") {
  Fixture f;
  CHECK(f.plan("/app/%41/./b/../c?x=%41").target == "/app/A/c?x=%41");
  CHECK(f.plan("/app//x?").target == "/app//x?");
  CHECK(f.plan("/x/../app/y").pool == "main");
  CHECK(f.plan("/app/%2e%2e/index.html").action == RequestPlan::Action::kFolder);
}

TEST_CASE("what cannot be routed is answered by the proxy", "[proxy][session]") {
  Fixture f;
  const auto status = [&](const std::string& target) {
    const RequestPlan plan = f.plan(target);
    return plan.action == RequestPlan::Action::kAnswer ? plan.status : 0;
  };
  CHECK(status("/ap%2fp") == 0);     // a folder's name, matched by "/"
  CHECK(status("/app/x%2fy") == 0);  // behind the matched prefix
  CHECK(status("*") == 204);
  CHECK(f.plan("/inside/x").route == "/");  // another listener's route
}

TEST_CASE("an encoded separator where routes are told apart is refused", "[proxy][session]") {
  Fixture f;
  const auto is_refused = [&](const std::string& target) {
    CAPTURE(target);
    const RequestPlan plan = f.plan(target);
    if (plan.action != RequestPlan::Action::kAnswer) return false;
    CHECK(plan.status == 400);
    CHECK(plan.rejection == http::Rejection::kEncodedSeparator);
    return true;
  };
  // Whoever decodes it behind us would see another route's path.
  CHECK(is_refused("/app%2fx"));
  CHECK(is_refused("/app%2F"));
  CHECK(is_refused("/app%5cx"));
  CHECK(is_refused("/app%2fChat?id=x"));
  CHECK(is_refused("/app/chat%2fnegotiate"));
  CHECK(is_refused("/LIVE%2fnegotiate"));
  CHECK(is_refused("/x%2f..%2fapp/y"));
  CHECK(is_refused("/app/..%2findex.html"));
  CHECK(is_refused("/app/%2e%2e%5Cindex.html"));
  // It stays on the same route: the endpoint's own matter.
  CHECK_FALSE(is_refused("/app/a%2fb"));
  CHECK_FALSE(is_refused("/app/a%5cb%2F..%2fc"));
  CHECK_FALSE(is_refused("/application%2fx"));
  CHECK_FALSE(is_refused("/inside%2fx"));  // no route of this listener
  CHECK_FALSE(is_refused("/app%252fx"));   // decoded once
}

TEST_CASE("the id is read on hub paths only, and decides where the request goes", "[proxy][session]") {
  Fixture f;
  const std::string token = f.tag + "0123456789012345678901";
  struct Row {
    std::string target;
    std::string method;
    HubPart hub;
    Affinity affinity;
  };
  const std::vector<Row> rows = {
      {"/app/chat?id=" + token, "GET", HubPart::kConnect, Affinity::kFound},
      {"/app/CHAT/?ID=" + token, "POST", HubPart::kConnect, Affinity::kFound},
      {"/app/chat/refresh?id=" + token, "POST", HubPart::kRefresh, Affinity::kFound},
      {"/app/chat", "GET", HubPart::kConnect, Affinity::kNone},
      {"/app/chat?id=", "GET", HubPart::kConnect, Affinity::kNone},
      {"/app/chat?id=nonsense", "GET", HubPart::kConnect, Affinity::kUnknown},
      {"/app/chat?id=" + token + "&id=" + token, "GET", HubPart::kConnect, Affinity::kUnknown},
      {"/app/chat/negotiate?id=" + token, "POST", HubPart::kNegotiate, Affinity::kNone},
      {"/app/chat?id=" + token, "OPTIONS", HubPart::kConnect, Affinity::kNone},
      {"/app/other?id=" + token, "GET", HubPart::kNone, Affinity::kNone},
      {"/live?id=" + token, "GET", HubPart::kConnect, Affinity::kFound},  // the pool's to refuse
  };
  for (const Row& row : rows) {
    CAPTURE(row.target, row.method);
    const RequestPlan plan = f.plan(row.target, row.method);
    CHECK(plan.hub == row.hub);
    CHECK(plan.affinity == row.affinity);
    if (row.affinity == Affinity::kFound) CHECK(plan.bound_to == kLiving);
  }
}

TEST_CASE("a token of a generation that ended is gone, not unknown", "[proxy][session]") {
  Fixture f;
  f.affinity.remove(kLiving);
  CHECK(f.plan("/app/chat?id=" + f.tag + "0123456789012345678901").affinity == Affinity::kGone);
}

TEST_CASE("an upgrade is served, answered or loses its offer", "[proxy][session]") {
  using enum http::UpgradeOffer;
  Fixture f;
  CHECK(f.plan("/app/chat", "GET", kWebSocket).is_upgrade);
  CHECK(f.plan("/app/raw", "GET", kWebSocket).is_upgrade);
  CHECK_FALSE(f.plan("/app/chat/negotiate", "GET", kWebSocket).is_upgrade);
  // On a hub's path the hub says in its own words what is wrong.
  CHECK_FALSE(f.plan("/app/chat", "GET", kBadVersion).is_upgrade);
  CHECK(f.plan("/app/chat", "GET", kBadVersion).action == RequestPlan::Action::kPool);
  CHECK(f.plan("/app/chat", "GET", kBadKey).action == RequestPlan::Action::kPool);
  // Elsewhere the proxy does.
  CHECK(f.plan("/app/raw", "GET", kBadVersion).status == 426);
  CHECK(f.plan("/app/raw", "GET", kBadVersion).action == RequestPlan::Action::kAnswer);
  CHECK(f.plan("/app/raw", "GET", kBadKey).status == 400);
  CHECK(f.plan("/index.html", "GET", kBadKey).status == 400);  // a folder's route
  CHECK(f.plan("/index.html", "GET", kBadVersion).status == 426);
  CHECK(f.plan("/index.html", "GET", kOther).action == RequestPlan::Action::kFolder);
  CHECK(f.plan("/app/raw", "GET", kOther).action == RequestPlan::Action::kPool);
  CHECK_FALSE(f.plan("/app/raw", "GET", kOther).is_upgrade);
}

TEST_CASE("only POST to negotiate makes a connection", "[proxy][session]") {
  Fixture f;
  CHECK(f.plan("/app/chat/negotiate?negotiateVersion=1", "POST").is_negotiate("POST"));
  CHECK_FALSE(f.plan("/app/chat/negotiate", "OPTIONS").is_negotiate("OPTIONS"));
  CHECK_FALSE(f.plan("/app/chat", "POST").is_negotiate("POST"));
}
