#include "proxy/config/snapshot.h"

#include "tests/proxy/config/load_text.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::test;
using namespace std::chrono_literals;

using Lines = std::vector<std::string>;

namespace {

Lines lines_of(const ReloadPlan& plan) {
  Lines lines;
  for (const ConfigChange& change : plan.changes) {
    CHECK(change.line.starts_with(change.key + ": "));
    lines.push_back(change.line);
  }
  return lines;
}

ProxyConfig base() {
  ProxyConfig config;
  config.listeners = {{"public", "127.0.0.1:1", std::nullopt}};
  config.pools = {{.name = "main", .command = {"w"}, .workers = 2}};
  config.routes = {{"/chat", "main", "", false, {}}, {"/", "", "/www", false, {}}};
  return config;
}

}  // namespace

TEST_CASE("an equal configuration changes nothing", "[config][snapshot]") {
  const SnapshotPointer first = make_snapshot(base());
  CHECK(first->revision == 1);
  CHECK(first->hash.size() == 16);
  CHECK(first->needs_restart.empty());
  const ReloadPlan plan = plan_reload(*first, base());
  CHECK(plan.snapshot == nullptr);
  CHECK(plan.changes.empty());
}

TEST_CASE("routes, limits, log level and hosts take effect with a new revision", "[config][snapshot]") {
  const SnapshotPointer first = make_snapshot(base());
  ProxyConfig wanted = base();
  wanted.limits.queue_wait = 1s;
  wanted.limits.head_size = 8192;
  wanted.log_level = LogLevel::kDebug;
  wanted.admin.hosts = {"ops"};
  wanted.stop_time = 5s;
  wanted.routes[1].folder = "/other";
  wanted.routes.push_back({"/bench", "main", "", true, {"public"}});
  const ReloadPlan plan = plan_reload(*first, wanted);
  REQUIRE(plan.snapshot != nullptr);
  CHECK(plan.snapshot->revision == 2);
  CHECK(plan.snapshot->config == wanted);
  CHECK(plan.snapshot->hash != first->hash);
  CHECK(plan.needs_restart.empty());
  CHECK(lines_of(plan) == Lines{
                              "stop_time: 10s -> 5s",
                              "log.level: info -> debug",
                              "admin.hosts: [localhost, 127.0.0.1] -> [ops]",
                              "limits.head_size: 16KiB -> 8KiB",
                              "limits.queue_wait: 5s -> 1s",
                              "route /: folder /www -> folder /other",
                              "route /bench on [public]: added (pool main, a hub)",
                          });
  CHECK(plan.snapshot->routes.find("public", "/BENCH", {}).hub == HubPart::kConnect);
}

TEST_CASE("a removed route is gone with the reload", "[config][snapshot]") {
  const SnapshotPointer first = make_snapshot(base());
  ProxyConfig wanted = base();
  wanted.routes.erase(wanted.routes.begin());
  const ReloadPlan plan = plan_reload(*first, wanted);
  REQUIRE(plan.snapshot != nullptr);
  CHECK(lines_of(plan) == Lines{"route /chat: removed"});
  CHECK(plan.snapshot->routes.find("public", "/chat", {}).route->folder == "/www");
}

TEST_CASE("what cannot be taken over is reported and the old value stays", "[config][snapshot]") {
  const SnapshotPointer first = make_snapshot(base());
  ProxyConfig wanted = base();
  wanted.runtime_dir = "/elsewhere";
  wanted.admin.listen = "127.0.0.1:9";
  wanted.listeners[0].listen = "127.0.0.1:2";
  const Lines cannot_listen = {"public"};
  const ReloadPlan plan = plan_reload(*first, wanted, cannot_listen);
  REQUIRE(plan.snapshot != nullptr);
  CHECK(plan.snapshot->config == base());
  CHECK(plan.changes.empty());
  CHECK(plan.needs_restart == plan.snapshot->needs_restart);
  CHECK(plan.needs_restart == Lines{
                                  "runtime_dir: /run/hubgate -> /elsewhere",
                                  "admin.listen: 127.0.0.1:8081 -> 127.0.0.1:9",
                                  "listener.public.listen: 127.0.0.1:1 -> 127.0.0.1:2",
                              });

  SECTION("the same again changes nothing") {
    CHECK(plan_reload(*plan.snapshot, wanted, cannot_listen).snapshot == nullptr);
    CHECK(plan_reload(*plan.snapshot, wanted, cannot_listen).needs_restart == plan.needs_restart);
  }
  SECTION("going back clears it") {
    const ReloadPlan back = plan_reload(*plan.snapshot, base());
    REQUIRE(back.snapshot != nullptr);
    CHECK(back.snapshot->needs_restart.empty());
    CHECK(back.snapshot->hash == first->hash);
    CHECK(back.snapshot->revision == 3);
  }
}

TEST_CASE("pools come, change and go with the reload, and their routes with them", "[config][snapshot]") {
  const SnapshotPointer first = make_snapshot(base());
  ProxyConfig wanted = base();
  wanted.pools[0].workers = 3;
  wanted.pools.push_back({.name = "new", .command = {"n"}});
  wanted.routes.push_back({"/more", "new", "", false, {}});
  const ReloadPlan plan = plan_reload(*first, wanted);
  REQUIRE(plan.snapshot != nullptr);
  CHECK(plan.needs_restart.empty());
  CHECK(plan.snapshot->config == wanted);
  CHECK(lines_of(plan).front() == "pool.main.workers: 2 -> 3");
  CHECK(lines_of(plan).back() == "route /more: added (pool new)");
  CHECK(plan.snapshot->routes.find("public", "/more", {}).route->pool == "new");
  const ReloadPlan back = plan_reload(*plan.snapshot, base());
  CHECK(back.snapshot->config == base());
}

TEST_CASE("listeners come, go and change with a reload", "[config][snapshot]") {
  const SnapshotPointer first = make_snapshot(base());
  ProxyConfig wanted = base();
  wanted.listeners = {{"public", "127.0.0.1:2", TlsFiles{"c", "k"}}, {"new", "127.0.0.1:7"}};
  wanted.listeners[1].trusted_cidrs = {"10.0.0.0/8"};
  wanted.routes.push_back({"/only", "main", "", false, {"new"}});
  const ReloadPlan plan = plan_reload(*first, wanted);
  REQUIRE(plan.snapshot != nullptr);
  CHECK(plan.needs_restart.empty());
  CHECK(plan.snapshot->config == wanted);
  CHECK(lines_of(plan) ==
        Lines{"listener.public.listen: 127.0.0.1:1 -> 127.0.0.1:2", "listener.public.tls.certificate: added (c)",
              "listener.public.tls.key: added (k)", "listener.new.listen: added (127.0.0.1:7)",
              "listener.new.proxy_protocol: added (false)", "listener.new.trusted_cidrs: added ([10.0.0.0/8])",
              "route /only on [new]: added (pool main)"});
  const ReloadPlan back = plan_reload(*plan.snapshot, base());
  CHECK(back.snapshot->config == base());
}

TEST_CASE("a route on a listener that cannot be bound waits for it", "[config][snapshot]") {
  const SnapshotPointer first = make_snapshot(base());
  ProxyConfig wanted = base();
  wanted.listeners.push_back({"new", "127.0.0.1:7", std::nullopt});
  wanted.routes.push_back({"/only", "main", "", false, {"new"}});
  wanted.routes.push_back({"/both", "main", "", false, {"public", "new"}});
  const ReloadPlan plan = plan_reload(*first, wanted, Lines{"new"});
  REQUIRE(plan.snapshot != nullptr);
  CHECK(lines_of(plan) == Lines{"route /both on [public]: added (pool main)"});
  CHECK(plan.snapshot->routes.find("public", "/only", {}).route->folder == "/www");
  CHECK(plan.snapshot->routes.find("public", "/both", {}).route->pool == "main");
}

TEST_CASE("a changed secret is reported and never shown", "[config][snapshot]") {
  ProxyConfig before = base();
  before.redis = Secret("redis://:hidden-one@h");
  const SnapshotPointer first = make_snapshot(before);
  ProxyConfig wanted = before;
  wanted.redis = Secret("redis://:hidden-two@h");
  const ReloadPlan plan = plan_reload(*first, wanted);
  CHECK(plan.needs_restart == Lines{"redis: changed (a secret)"});
  for (const ConfigEntry& entry : describe(wanted)) CHECK(entry.shown.find("hidden") == std::string::npos);
}

TEST_CASE("every field of a configuration is described, so that no difference goes unseen", "[config][snapshot]") {
  // A field that describe() forgot would make a reload that changes it look like no reload at all.
  const std::size_t count = GENERATE(range(0, 8));
  ProxyConfig wanted = base();
  switch (count) {
    case 0: wanted.user = "x"; break;
    case 1: wanted.redis_group = "x"; break;
    case 2: wanted.backplane.prefix = "x"; break;
    case 3: wanted.backplane.scoped_sends = true; break;
    case 4: wanted.rest.keys = {Secret("x")}; break;
    case 5: wanted.listeners[0].tls = TlsFiles{"c", "k"}; break;
    case 6: wanted.pools[0].balance = BalancePolicy::kPowerOfTwo; break;
    default: wanted.watch = false; break;
  }
  CHECK(plan_reload(*make_snapshot(base()), wanted).snapshot != nullptr);
}
