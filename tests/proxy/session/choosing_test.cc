#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;
using namespace std::chrono_literals;

TEST_CASE("a refused connect is tried at another endpoint, and at nobody it is 502", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream dead, living;
  living.script.answer = kOk;
  Endpoint& first = gateway.add_upstream(dead, 1);
  dead.stop_listening();
  CHECK(status_of(gateway.ask(get("/app"))) == "HTTP/1.1 502 Bad Gateway");
  CHECK(first.counters.connect_failures == 3);
  gateway.add_upstream(living, 2);
  for (int i = 0; i < 4; ++i) CHECK(status_of(gateway.ask(post("/app", "body"))) == "HTTP/1.1 200 OK");
  CHECK(living.connections.size() == 1);
}

TEST_CASE("after bytes have gone out only what may be repeated is sent again, and nothing once its body has gone",
          "[proxy][session]") {
  struct Row {
    std::string request;
    bool repeated;
  };
  const Row row = GENERATE(values<Row>({
      {get("/app"), true},
      {"DELETE /app HTTP/1.1\r\nHost: a\r\n\r\n", true},
      {post("/chat/negotiate?negotiateVersion=1", ""), true},
      {post("/app", ""), false},
      {post("/chat/negotiate", "body"), false},
      {"PUT /app HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", false},
  }));
  CAPTURE(row.request);
  Gateway gateway;
  FakeUpstream breaks, works;
  breaks.script.reset_after_received = 10;
  works.script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  Endpoint& broken = gateway.add_upstream(breaks, 1);
  Endpoint& whole = gateway.add_upstream(works, 2);
  const EndpointLease lease(whole, EndpointLease::Kind::kRequest);  // so that the broken one is asked first
  const std::string answer = gateway.ask(row.request);
  CHECK(status_of(answer) == (row.repeated ? "HTTP/1.1 200 OK" : "HTTP/1.1 502 Bad Gateway"));
  CHECK(works.connections.size() == (row.repeated ? 1U : 0U));
  CHECK(broken.counters.response_failures == 1);
}

TEST_CASE("a request on a hub's path may be held for a poll's time", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  gateway.add_upstream(upstream, 1);
  const Descriptor client = gateway.connect();
  CHECK(gateway.ask(client, get("/chat?id=" + gateway.tags[1] + kTokenRest)).empty());
  gateway.advance(90s);
  CHECK(read_available(client.get()).empty());
  gateway.advance(31s);
  CHECK(status_of(read_available(client.get())) == "HTTP/1.1 504 Gateway Timeout");
}

TEST_CASE("where no endpoint is, a request waits and is served by the first that comes", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  const Descriptor client = gateway.connect();
  CHECK(gateway.ask(client, get("/app")).empty());
  gateway.advance(4s);
  CHECK(gateway.pools.find("main")->waiting() == 1);
  gateway.add_upstream(upstream, 1);
  gateway.turn();
  CHECK(body_of(read_available(client.get())) == "ok");
}

TEST_CASE("a request that waited too long gets 503 with a time to come back", "[proxy][session]") {
  Gateway gateway;
  const Descriptor client = gateway.connect();
  CHECK(gateway.ask(client, post("/chat/negotiate", "")).empty());
  gateway.advance(6s);
  const std::string answer = read_available(client.get());
  CHECK(status_of(answer) == "HTTP/1.1 503 Service Unavailable");
  CHECK_THAT(answer, contains("Retry-After: 2\r\n"));
  CHECK(gateway.pools.find("main")->counters.queue_timeouts == 1);
}

namespace {

/// Takes all of an endpoint's room; each pop_back() gives one place back.
std::vector<EndpointLease> fill(Endpoint& endpoint) {
  std::vector<EndpointLease> leases;
  while (!endpoint.is_full()) leases.emplace_back(endpoint, EndpointLease::Kind::kRequest);
  return leases;
}

}  // namespace

TEST_CASE("who comes while others wait does not overtake them", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  auto leases = fill(gateway.add_upstream(upstream, 1));
  const Descriptor first = gateway.connect();
  const Descriptor second = gateway.connect();
  gateway.ask(first, get("/app/first"));
  leases.pop_back();  // those that wait are asked in the next turn, and that is when the second one comes
  gateway.ask(second, get("/app/second"));
  CHECK_THAT(upstream.received(), contains("GET /app/first "));
  CHECK(gateway.pools.find("main")->waiting() == 1);
  leases.pop_back();
  gateway.turn();
  CHECK_THAT(upstream.received(), contains("GET /app/second "));
}

TEST_CASE("while the queue moves, who waits in it has not waited too long", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  auto leases = fill(gateway.add_upstream(upstream, 1));
  std::vector<Descriptor> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(gateway.connect());
    CHECK(gateway.ask(clients.back(), get("/app")).empty());
  }
  const Descriptor& last = clients.back();
  gateway.advance(4s);
  SECTION("until it stands still for queue_wait") {
    leases.pop_back();
    gateway.turn();
    gateway.advance(4s);
    CHECK(read_available(last.get()).empty());
    gateway.advance(2s);
    CHECK(read_available(last.get()).starts_with("HTTP/1.1 503 "));
    CHECK(gateway.pools.find("main")->waiting() == 0);
  }
  SECTION("nor for longer than an answer may take") {
    for (int waited = 4; waited < 28; waited += 4) {
      leases.pop_back();
      gateway.turn();
      CHECK(read_available(last.get()).empty());
      gateway.advance(4s);
    }
    CHECK(gateway.pools.find("main")->waiting() > 0);
    gateway.advance(3s);
    CHECK(read_available(last.get()).starts_with("HTTP/1.1 503 "));
  }
}

TEST_CASE("a client that ends its side still gets the answer of an ordinary request", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  const Descriptor client = gateway.connect();
  gateway.ask(client, get("/app"));
  ::shutdown(client.get(), SHUT_WR);
  gateway.turn();
  gateway.add_upstream(upstream, 1);
  gateway.turn();
  CHECK(body_of(read_available(client.get())) == "ok");
}

TEST_CASE("a client that goes away leaves the queue", "[proxy][session]") {
  Gateway gateway;
  Descriptor client = gateway.connect();
  gateway.ask(client, get("/chat"));
  CHECK(gateway.pools.find("main")->waiting() == 1);
  client.reset();
  gateway.turn();
  CHECK(gateway.pools.find("main")->waiting() == 0);
  CHECK(gateway.sessions.empty());
  CHECK(gateway.metrics.sessions_active == 0);
}

TEST_CASE("a token's endpoint gets its requests, however busy or draining it is", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream one, two;
  one.script.answer = two.script.answer = kOk;
  Endpoint& bound = gateway.add_upstream(one, 1);
  gateway.add_upstream(two, 2);
  const EndpointLease lease(bound, EndpointLease::Kind::kTunnel);
  bound.set_draining(true);
  for (int i = 0; i < 5; ++i) gateway.ask(get("/chat?id=" + gateway.tags[1] + kTokenRest));
  CHECK(two.connections.empty());
  CHECK(gateway.verdicts(Affinity::kFound) == 5);
  // The user's own id on negotiate binds nothing, nor does a preflight.
  gateway.ask(post("/chat/negotiate?id=" + gateway.tags[1] + kTokenRest, ""));
  gateway.ask("OPTIONS /chat?id=" + gateway.tags[1] + kTokenRest + " HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK_FALSE(two.connections.empty());
}

TEST_CASE("a token that is not ours goes to any endpoint, at once", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: x\r\n\r\n";
  gateway.add_upstream(upstream, 1);
  CHECK_THAT(gateway.ask(get("/chat?id=stranger")), contains("Access-Control-Allow-Origin: x\r\n"));
  CHECK(gateway.verdicts(Affinity::kUnknown) == 1);
}

TEST_CASE("a token opens no door that the route does not", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream outside, inside;
  outside.script.answer = inside.script.answer = kOk;
  gateway.add_upstream(outside, 1, "web");
  gateway.add_upstream(inside, 2, "main");
  gateway.ask(get("/live?id=" + gateway.tags[2] + kTokenRest));
  CHECK(inside.connections.empty());
  CHECK(outside.connections.size() == 1);
  CHECK(gateway.verdicts(Affinity::kUnknown) == 1);
}

TEST_CASE("without any endpoint the proxy says itself that a token is unknown", "[proxy][session]") {
  Gateway gateway;
  const std::string answer = gateway.ask(get("/chat?id=stranger"));
  CHECK(status_of(answer) == "HTTP/1.1 404 Not Found");
  CHECK(body_of(answer) == "No Connection with that ID");
  CHECK(body_of(gateway.ask(post("/chat/refresh?id=stranger", ""))) == R"({"error":"connection_not_found"})");
}

TEST_CASE("the endpoint of a token is asked twice, then any other says what is so", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream dead, living;
  living.script.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  Endpoint& bound = gateway.add_upstream(dead, 1);
  gateway.add_upstream(living, 2);
  dead.stop_listening();
  CHECK(status_of(gateway.ask(get("/chat?id=" + gateway.tags[1] + kTokenRest))) == "HTTP/1.1 404 Not Found");
  CHECK(bound.counters.connect_failures == 2);
  CHECK(living.connections.size() == 1);
}

TEST_CASE("a token's endpoint that was asked twice in vain and is the only one is gone", "[proxy][session]") {
  Gateway gateway;
  gateway.config.limits.connect_retries = GENERATE(0U, 2U);
  gateway.put_in_force();
  FakeUpstream dead;
  Endpoint& bound = gateway.add_upstream(dead, 1);
  dead.stop_listening();
  const std::string answer = gateway.ask(get("/chat?id=" + gateway.tags[1] + kTokenRest));
  CHECK(status_of(answer) == "HTTP/1.1 404 Not Found");
  CHECK(body_of(answer) == "No Connection with that ID");
  CHECK(bound.counters.connect_failures == 2);
}

TEST_CASE("a token's endpoint is asked although it is unhealthy, ejected or drained", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream one, two, three;
  one.script.answer = two.script.answer = three.script.answer = kOk;
  Endpoint& bound = gateway.add_upstream(one, 1);
  gateway.add_upstream(two, 2);
  gateway.add_upstream(three, 3);
  bound.set_health(Endpoint::Health::kUnhealthy);
  for (int i = 0; i < 5; ++i) bound.note_connect_failure(true);
  REQUIRE(bound.is_ejected());
  bound.set_draining(true);
  for (int i = 0; i < 4; ++i) CHECK(body_of(gateway.ask(get("/chat?id=" + gateway.tags[1] + kTokenRest))) == "ok");
  CHECK(one.connections.size() == 1);
  for (int i = 0; i < 4; ++i) CHECK(body_of(gateway.ask(get("/app"))) == "ok");
  CHECK(one.connections.size() == 1);
}

TEST_CASE("an endpoint that refuses five connects in a row gets nothing new for five seconds", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream dead, living;
  living.script.answer = kOk;
  Endpoint& ill = gateway.add_upstream(dead, 1);
  Endpoint& well = gateway.add_upstream(living, 2);
  dead.stop_listening();
  const EndpointLease busy(well, EndpointLease::Kind::kTunnel);  // so that the ill one is asked first
  for (int i = 0; i < 10; ++i) CHECK(body_of(gateway.ask(get("/app"))) == "ok");
  CHECK(ill.counters.connect_failures == 5);
  CHECK(ill.is_ejected());
  gateway.advance(6s);
  CHECK(body_of(gateway.ask(get("/app"))) == "ok");
  CHECK(ill.counters.connect_failures == 6);
}

TEST_CASE("an endpoint that fails before its answers' heads is ejected, one that only answers badly is not",
          "[proxy][session]") {
  Gateway gateway;
  FakeUpstream bad, good;
  good.script.answer = kOk;
  const bool has_head = GENERATE(false, true);
  if (has_head) {
    bad.script.answer = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno";
  } else {
    bad.script.reset_after_received = 10;
  }
  Endpoint& ill = gateway.add_upstream(bad, 1);
  Endpoint& well = gateway.add_upstream(good, 2);
  const EndpointLease busy(well, EndpointLease::Kind::kTunnel);
  for (int i = 0; i < 10; ++i) gateway.ask(get("/app"));
  CHECK(ill.is_ejected() == !has_head);
  CHECK(bad.received().size() > 5);
}

TEST_CASE("the end of a connection that waited for a request is no fault of its endpoint", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream, other;
  upstream.script.answer = other.script.answer = kOk;
  upstream.script.end_at = 2 * kOk.size();
  Endpoint& endpoint = gateway.add_upstream(upstream, 1);
  Endpoint& second = gateway.add_upstream(other, 2);
  const EndpointLease busy(second, EndpointLease::Kind::kTunnel);
  for (int i = 0; i < 40; ++i) CHECK(body_of(gateway.ask(get("/app"))) == "ok");
  CHECK_FALSE(endpoint.is_ejected());
}

TEST_CASE("where no endpoint is healthy requests wait, and then get 503 with a time to come back", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  Endpoint& endpoint = gateway.add_upstream(upstream, 1);
  endpoint.set_health(Endpoint::Health::kUnhealthy);
  const Descriptor patient = gateway.connect();
  CHECK(gateway.ask(patient, get("/app")).empty());
  gateway.advance(6s);
  const std::string answer = read_available(patient.get());
  CHECK(status_of(answer) == "HTTP/1.1 503 Service Unavailable");
  CHECK_THAT(answer, contains("Retry-After: 2\r\n"));
  const Descriptor client = gateway.connect();
  gateway.ask(client, get("/app"));
  endpoint.set_health(Endpoint::Health::kHealthy);
  gateway.turn();
  CHECK(body_of(read_available(client.get())) == "ok");
}

TEST_CASE("a request that came before its hub was announced is seen as the hub's when it is served",
          "[proxy][session]") {
  Gateway gateway(HandoverMode::kOff);
  Worker first(gateway.loop), second(gateway.loop);
  gateway.add_worker(first, 0, false);
  gateway.add_worker(second, 1, false);
  const Descriptor client = gateway.connect();
  gateway.ask(client, get("/app/hub?id=" + gateway.tags[2] + kTokenRest));
  CHECK(gateway.pools.find("main")->waiting() == 1);
  CHECK(gateway.verdicts(Affinity::kFound) == 0);

  gateway.hub_paths.set("main", {"/app/hub"});
  first.links.become_ready(Gateway::kEpoch);
  gateway.turn();
  CHECK(first.links.accepts.empty());  // the token is the other's
  CHECK(gateway.verdicts(Affinity::kFound) == 1);
  second.links.become_ready(Gateway::kEpoch);
  gateway.turn();
  CHECK(second.links.accepts.size() == 1);
  CHECK(gateway.verdicts(Affinity::kFound) == 1);
  gateway.advance(90s);  // a poll may be held
  CHECK(read_available(client.get()).empty());
  CHECK(gateway.pools.find("main")->counters.queued == 1);
}

TEST_CASE("who waits for one endpoint only does not hold up the others in the queue", "[proxy][session]") {
  Gateway gateway(HandoverMode::kOff);
  Worker first(gateway.loop), second(gateway.loop);
  gateway.add_worker(first, 0, false);
  gateway.add_worker(second, 1, false);
  const Descriptor bound = gateway.connect();
  const Descriptor other = gateway.connect();
  gateway.ask(bound, get("/app/hub?id=" + gateway.tags[2] + kTokenRest));
  gateway.ask(other, get("/app/hub"));
  gateway.hub_paths.set("main", {"/app/hub"});
  first.links.become_ready(Gateway::kEpoch);
  gateway.turn();
  CHECK(first.links.accepts.size() == 1);
  CHECK(gateway.pools.find("main")->waiting() == 1);
}

TEST_CASE("a request that waits goes where the routes of now lead it", "[proxy][session]") {
  Gateway gateway;
  FakeUpstream old, other;
  old.script.answer = other.script.answer = kOk;
  const Descriptor client = gateway.connect();
  const Descriptor refused = gateway.connect();
  const Descriptor file = gateway.connect();
  gateway.ask(client, get("/app/x"));
  gateway.ask(refused, get("/app/y"));
  gateway.ask(file, get("/app/z/nothing"));
  CHECK(gateway.pools.find("main")->waiting() == 3);
  gateway.config.routes = {
      {.prefix = "/app/x", .pool = "web", .folder = {}, .listeners = {}},
      {.prefix = "/app/z", .pool = {}, .folder = "/nowhere", .listeners = {}},
      {.prefix = "/chat", .pool = "main", .folder = {}, .hub = true, .listeners = {}},
  };
  gateway.put_in_force();
  gateway.add_upstream(old, 1, "main");
  gateway.turn();
  CHECK(old.connections.empty());
  CHECK(status_of(read_available(refused.get())) == "HTTP/1.1 404 Not Found");
  CHECK(status_of(read_available(file.get())) == "HTTP/1.1 404 Not Found");
  CHECK(gateway.pools.find("web")->waiting() == 1);
  gateway.add_upstream(other, 2, "web");
  gateway.turn();
  CHECK(body_of(read_available(client.get())) == "ok");
}
