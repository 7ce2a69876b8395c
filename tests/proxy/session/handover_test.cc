#include "proxy/session/handover.h"

#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string kEarly("\x81\x82\0\0\0\0hi", 8);

bool is_broken(const Descriptor& client) {
  char byte;
  return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0;
}

}  // namespace

TEST_CASE("a plaintext upgrade is handed over with its head written anew and what came behind it", "[proxy][session]") {
  Gateway gateway;
  Worker worker(gateway.loop);
  Endpoint& endpoint = gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/x/../chat?id=" + gateway.tags[1], "X-Forwarded-For: forged\r\n") + kEarly);
  REQUIRE(worker.links.accepts.size() == 1);
  const control::Accept& accept = worker.links.accepts[0];
  CHECK(accept.kind == control::Accept::Kind::kClient);
  CHECK(accept.early == kEarly);
  CHECK(accept.client_address == "192.0.2.7:50000");
  CHECK(accept.listener == "public");
  CHECK(accept.request_id.size() == 22);
  CHECK_THAT(accept.head, contains("GET /chat?id=" + gateway.tags[1] + " HTTP/1.1\r\n"));
  CHECK_THAT(accept.head, contains("Upgrade: websocket\r\n"));
  CHECK_THAT(accept.head, contains("X-Forwarded-For: 192.0.2.7\r\n"));
  CHECK_THAT(accept.head, !contains("forged"));
  CHECK(accept.head.ends_with("\r\n\r\n"));

  // The proxy is out of the path for good.
  CHECK(gateway.sessions.empty());
  CHECK(gateway.handovers(HandoverResult::kAcked) == 1);
  CHECK(endpoint.counters.handed_over == 1);
  write_all(worker.links.sockets[0].get(), "from the worker");
  CHECK(read_available(client.get()) == "from the worker");
  write_all(client.get(), "to the worker");
  CHECK(read_available(worker.links.sockets[0].get()) == "to the worker");
}

TEST_CASE("an upgrade after other requests on the same connection is handed over too", "[proxy][session]") {
  Gateway gateway;
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  CHECK(gateway.ask(client, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 404"));
  gateway.ask(client, hub_upgrade("/chat"));
  CHECK(worker.links.accepts.size() == 1);
  CHECK(gateway.sessions.empty());
}

TEST_CASE("the proxy holds the client's socket until the worker has acked", "[proxy][session]") {
  Gateway gateway;
  Worker worker(gateway.loop);
  worker.acks = false;
  gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  REQUIRE(gateway.sessions.size() == 1);
  worker.links.say_on_handover(control::Mine{Gateway::kEpoch, worker.links.accepts[0].n});
  gateway.turn();
  CHECK(gateway.sessions.empty());
}

TEST_CASE("without an ack the client is cut, and no other worker gets it", "[proxy][session]") {
  Gateway gateway;
  Worker silent(gateway.loop), other(gateway.loop);
  silent.acks = false;
  gateway.add_worker(silent, 0);
  Endpoint& second = gateway.add_worker(other, 1);
  second.set_draining(true);  // so that the silent one is chosen
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  second.set_draining(false);
  gateway.advance(3s);
  CHECK(gateway.handovers(HandoverResult::kNoAck) == 1);
  CHECK(is_broken(client));
  CHECK(gateway.sessions.empty());
  CHECK(other.links.accepts.empty());
}

TEST_CASE("a worker that refuses gives the client back, and another gets it whole", "[proxy][session]") {
  Gateway gateway;
  Worker refusing(gateway.loop), other(gateway.loop);
  refusing.refuses = true;
  gateway.add_worker(refusing, 0);
  Endpoint& second = gateway.add_worker(other, 1);
  second.set_draining(true);
  const Descriptor client = gateway.connect();
  write_all(client.get(), hub_upgrade("/chat", "X-Mine: kept\r\n") + kEarly);
  for (int i = 0; i < 4 && refusing.links.accepts.empty(); ++i) gateway.turn(1);
  second.set_draining(false);
  gateway.turn();
  REQUIRE(other.links.accepts.size() == 1);
  CHECK(other.links.accepts[0].early == kEarly);
  CHECK(other.links.accepts[0].head.size() == refusing.links.accepts[0].head.size());
  CHECK_THAT(other.links.accepts[0].head, contains("X-Mine: kept\r\n"));
  CHECK(gateway.handovers(HandoverResult::kRefused) == 1);
  CHECK(gateway.handovers(HandoverResult::kAcked) == 1);
}

TEST_CASE("a head at the limits is as good when it comes back from a handover", "[proxy][session]") {
  Gateway gateway;
  LimitsConfig& limits = gateway.config.limits;
  limits.head_size = 1500;
  limits.field_size = 500;
  limits.field_count = 20;
  gateway.put_in_force();
  Worker refusing(gateway.loop), other(gateway.loop);
  refusing.refuses = true;
  gateway.add_worker(refusing, 0);
  Endpoint& second = gateway.add_worker(other, 1);
  second.set_draining(true);
  // Written without a space behind the colons, which we put in; the last field fills the head up.
  std::string head =
      "GET /chat HTTP/1.1\r\nHost:a\r\nConnection:Upgrade\r\nUpgrade:websocket\r\n"
      "Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version:13\r\n";
  head += "A:" + std::string(limits.field_size - 2, 'a') + "\r\n";
  for (std::size_t i = 6; i + 2 < limits.field_count; ++i) head += "F:x\r\n";
  head += "B:" + std::string(limits.field_size - 2, 'b') + "\r\n";
  head += "C:" + std::string(limits.head_size - head.size() - 6, 'c') + "\r\n\r\n";
  REQUIRE(head.size() == limits.head_size);
  const Descriptor client = gateway.connect();
  write_all(client.get(), head);
  for (int i = 0; i < 4 && refusing.links.accepts.empty(); ++i) gateway.turn(1);
  REQUIRE(refusing.links.accepts.size() == 1);
  second.set_draining(false);
  gateway.turn();
  CHECK(read_available(client.get()).empty());
  CHECK(other.links.accepts.size() == 1);
}

TEST_CASE("an upgrade with a token waits for its full worker, then gets 503", "[proxy][session]") {
  Gateway gateway;
  Worker refusing(gateway.loop), other(gateway.loop);
  refusing.refuses = true;
  gateway.add_worker(refusing, 0);
  gateway.add_worker(other, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat?id=" + gateway.tags[1]));
  CHECK(gateway.pools.find("main")->waiting() == 1);
  CHECK(other.links.accepts.empty());
  gateway.advance(6s);
  CHECK(read_available(client.get()).starts_with("HTTP/1.1 503 "));
  CHECK(other.links.accepts.empty());
}

TEST_CASE("a worker that dies before its ack gives the client back to the living", "[proxy][session]") {
  Gateway gateway;
  Worker dying(gateway.loop), other(gateway.loop);
  dying.acks = false;
  gateway.add_worker(dying, 0);
  gateway.add_worker(other, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat?id=" + gateway.tags[1]) + kEarly);
  REQUIRE(dying.links.accepts.size() == 1);
  dying.die();
  gateway.slot(0).exited();
  gateway.turn();
  REQUIRE(other.links.accepts.size() == 1);  // which says 404: the id was the other's
  CHECK(other.links.accepts[0].early == kEarly);
  CHECK(gateway.handovers(HandoverResult::kWorkerDead) == 1);
}

TEST_CASE("an ack that the dying worker has sent still counts", "[proxy][session]") {
  Gateway gateway;
  Worker dying(gateway.loop), other(gateway.loop);
  dying.acks = false;
  gateway.add_worker(dying, 0);
  gateway.add_worker(other, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat?id=" + gateway.tags[1]));
  dying.links.say_on_handover(control::Mine{Gateway::kEpoch, dying.links.accepts[0].n});
  dying.die();
  gateway.slot(0).exited();
  gateway.turn();
  CHECK(gateway.handovers(HandoverResult::kAcked) == 1);
  CHECK(other.links.accepts.empty());
  CHECK(gateway.sessions.empty());
}

TEST_CASE("a token of a slot that lives but is not ready waits for it", "[proxy][session]") {
  Gateway gateway;
  Worker starting(gateway.loop), other(gateway.loop);
  gateway.add_worker(starting, 0, false);
  gateway.add_worker(other, 1);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat?id=" + gateway.tags[1]));
  CHECK(other.links.accepts.empty());
  starting.links.become_ready(Gateway::kEpoch);
  gateway.turn();
  CHECK(starting.links.accepts.size() == 1);
}

TEST_CASE("early bytes that are too many for the link make it a relay", "[proxy][session]") {
  Gateway gateway;
  Worker worker(gateway.loop);
  gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  const std::string early(49 * 1024, 'e');
  gateway.ask(client, hub_upgrade("/chat") + early);
  REQUIRE(worker.links.accepts.size() == 1);
  CHECK(worker.links.accepts[0].kind == control::Accept::Kind::kRelay);
  CHECK(gateway.handovers(HandoverResult::kTooLarge) == 1);
  const int relay = worker.links.sockets[0].get();
  CHECK(read_available(relay).starts_with("GET /chat HTTP/1.1\r\n"));
  write_all(relay, kSwitched);
  gateway.turn();
  CHECK(read_available(client.get()).starts_with("HTTP/1.1 101 "));
  CHECK(read_available(relay) == early);
}

TEST_CASE("with handover = off an upgrade becomes a tunnel over a relayed socket", "[proxy][session]") {
  Gateway gateway(HandoverMode::kOff);
  Worker worker(gateway.loop);
  Endpoint& endpoint = gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat?id=" + gateway.tags[1]) + kEarly);
  REQUIRE(worker.links.accepts.size() == 1);
  CHECK(worker.links.accepts[0].kind == control::Accept::Kind::kRelay);
  const int relay = worker.links.sockets[0].get();
  CHECK_THAT(read_available(relay), contains("X-Hubgate-Connection: "));
  write_all(relay, kSwitched);
  gateway.turn();
  CHECK(read_available(client.get()).starts_with("HTTP/1.1 101 "));
  CHECK(read_available(relay) == kEarly);
  CHECK(endpoint.tunnels() == 1);
  CHECK(gateway.pools.find("main")->connections() == 1);
}

TEST_CASE("everything but an upgrade is relayed to a local worker, with the client's facts in its head",
          "[proxy][session]") {
  Gateway gateway;
  Worker worker(gateway.loop);
  Endpoint& endpoint = gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  write_all(client.get(), "POST /chat/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
  gateway.turn();
  REQUIRE(worker.links.accepts.size() == 1);
  CHECK(worker.links.accepts[0].kind == control::Accept::Kind::kRelay);
  CHECK(worker.links.accepts[0].head.empty());
  const int relay = worker.links.sockets[0].get();
  const std::string request = read_available(relay);
  CHECK_THAT(request, contains("X-Hubgate-Connection: listener=public; client=192.0.2.7:50000; local="));
  CHECK(request.ends_with("\r\n\r\n{}"));
  write_all(relay, kOk);
  gateway.turn();
  CHECK(read_available(client.get()).ends_with("ok"));
  CHECK(endpoint.pending() == 1);  // the negotiate, until the worker's next Load

  // The same connection serves another client.
  const Descriptor second = gateway.connect();
  write_all(second.get(), "GET /app HTTP/1.1\r\nHost: b\r\n\r\n");
  gateway.turn();
  CHECK(worker.links.accepts.size() == 1);
  CHECK_THAT(read_available(relay), contains("Host: b\r\n"));
}

TEST_CASE("the body of a relayed request waits for the worker's ack, so that a refusal costs nothing",
          "[proxy][session]") {
  Gateway gateway;
  Worker refusing(gateway.loop), other(gateway.loop);
  refusing.refuses = true;
  gateway.add_worker(refusing, 0);
  Endpoint& second = gateway.add_worker(other, 1);
  second.set_draining(true);
  const Descriptor client = gateway.connect();
  write_all(client.get(), "POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  for (int i = 0; i < 4 && refusing.links.accepts.empty(); ++i) gateway.turn(1);
  second.set_draining(false);
  gateway.turn();
  REQUIRE(other.links.accepts.size() == 1);
  CHECK(read_available(other.links.sockets[0].get()).ends_with("\r\n\r\nbody"));
}

TEST_CASE("what a silent worker may have read is sent to another only if it may be repeated", "[proxy][session]") {
  struct Row {
    std::string request;
    bool repeated;
  };
  const Row row = GENERATE(values<Row>({
      {get("/app"), true},
      {post("/chat/negotiate", ""), true},
      {"DELETE /app HTTP/1.1\r\nHost: a\r\n\r\n", true},
      {post("/app", ""), false},
      {"PATCH /app HTTP/1.1\r\nHost: a\r\n\r\n", false},
  }));
  const bool dies = GENERATE(false, true);
  CAPTURE(row.request, dies);
  Gateway gateway;
  Worker silent(gateway.loop), other(gateway.loop);
  silent.acks = false;
  gateway.add_worker(silent, 0);
  Endpoint& second = gateway.add_worker(other, 1);
  second.set_draining(true);
  const Descriptor client = gateway.connect();
  gateway.ask(client, row.request);
  REQUIRE(silent.links.accepts.size() == 1);
  second.set_draining(false);
  if (dies) {
    silent.die();
    gateway.slot(0).exited();
    gateway.turn();
  } else {
    gateway.advance(3s);
  }
  CHECK(other.links.accepts.size() == (row.repeated ? 1U : 0U));
  CHECK(status_of(read_available(client.get())) == (row.repeated ? "" : "HTTP/1.1 502 Bad Gateway"));
}

TEST_CASE("an end of the relayed socket is nobody's answer until the worker has said whether it took it",
          "[proxy][session]") {
  Gateway gateway;
  Worker first(gateway.loop), other(gateway.loop);
  first.acks = false;
  gateway.add_worker(first, 0);
  Endpoint& second = gateway.add_worker(other, 1);
  second.set_draining(true);
  const Descriptor client = gateway.connect();
  gateway.ask(client, post("/app", ""));
  REQUIRE(first.links.accepts.size() == 1);
  second.set_draining(false);
  first.links.sockets[0].reset();
  gateway.turn();
  CHECK(other.links.accepts.empty());
  CHECK(read_available(client.get()).empty());
  if (GENERATE(true, false)) {
    first.links.say_on_handover(control::Refused{Gateway::kEpoch, first.links.accepts[0].n});
    gateway.turn();
    CHECK(other.links.accepts.size() == 1);  // nobody has seen it
  } else {
    first.links.say_on_handover(control::Mine{Gateway::kEpoch, first.links.accepts[0].n});
    gateway.turn();
    CHECK(other.links.accepts.empty());
    CHECK(status_of(read_available(client.get())) == "HTTP/1.1 502 Bad Gateway");
  }
}

TEST_CASE("a session that ends while its client is on the way lets go of it", "[proxy][session]") {
  Gateway gateway;
  Worker worker(gateway.loop);
  worker.acks = false;
  gateway.add_worker(worker, 0);
  const Descriptor client = gateway.connect();
  gateway.ask(client, hub_upgrade("/chat"));
  gateway.loop.dispose(std::move(gateway.sessions[0]));
  gateway.sessions.clear();
  gateway.turn();
  worker.links.say_on_handover(control::Mine{Gateway::kEpoch, worker.links.accepts[0].n});
  gateway.turn();  // nobody is there to be told
  CHECK(gateway.handovers(HandoverResult::kAcked) == 0);
}
