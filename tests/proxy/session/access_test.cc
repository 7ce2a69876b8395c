#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/proxy/session/gateway.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

// What the access log says of exchanges, tunnels and handovers.

using namespace hubgate;
using namespace hubgate::proxy;
using namespace hubgate::proxy::test;
using namespace std::chrono_literals;

namespace {

/// A gateway with an access log.
struct Seen {
  explicit Seen(HandoverMode handover = HandoverMode::kAuto) : gateway(handover) {
    gateway.access_log.apply({.target = folder / "access.log"});
  }
  std::vector<nlohmann::json> records() {
    gateway.turn();
    std::vector<nlohmann::json> all;
    std::istringstream lines(TemporaryFolder::read(folder / "access.log"));
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  nlohmann::json only_record() {
    const auto all = records();
    REQUIRE(all.size() == 1);
    return all.front();
  }

  TemporaryFolder folder;
  Gateway gateway;
};

}  // namespace

TEST_CASE("an answered exchange has one record with its way, its times and its bytes", "[proxy][access]") {
  Seen seen;
  FakeUpstream upstream;
  upstream.script.answer = kOk;
  upstream.script.body = 3;
  seen.gateway.add_upstream(upstream, 1);
  CHECK(status_of(seen.gateway.ask(post("/app/x?id=s3cret&flag", "abc"))) == "HTTP/1.1 200 OK");
  const nlohmann::json record = seen.only_record();
  CHECK(record["record"] == "http");
  CHECK(record["client"] == "192.0.2.7:50000");
  CHECK(record["listener"] == "public");
  CHECK(record["method"] == "POST");
  CHECK(record["path"] == "/app/x");
  CHECK(record["query"] == "id,?");
  CHECK(record["status"] == 200);
  CHECK(record["reason"] == "completed");
  CHECK(record["by"] == "endpoint");
  CHECK(record["route"] == "/app");
  CHECK(record["pool"] == "main");
  CHECK(record["endpoint"] == upstream.address().to_string());
  CHECK(record["revision"] == 1);
  CHECK(record["affinity"] == "none");
  CHECK(record["action"] == "chosen");
  CHECK(record["bytes_in"] == 3);
  CHECK(record["bytes_out"] == 2);
  CHECK(record["total_ms"].is_number());
  CHECK_THAT(upstream.received(), contains("X-Request-Id: " + record["id"].get<std::string>() + "\r\n"));
}

TEST_CASE("an answer of the proxy's own says why", "[proxy][access]") {
  struct Row {
    std::string request;
    int status;
    std::string reason;
    std::string by;
  };
  const Row row = GENERATE(values<Row>({
      {get("/nothing"), 404, "no_route", "proxy"},
      {get("/app"), 503, "queue_timeout", "proxy"},
      {"GET /app HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "rejected", "client"},
      {get("/chat?id=" + std::string(46, 'A')), 404, "no_connection", "proxy"},
  }));
  CAPTURE(row.reason);
  Seen seen;
  const Descriptor client = seen.gateway.connect();
  seen.gateway.ask(client, row.request);
  seen.gateway.advance(6s);
  const nlohmann::json record = seen.only_record();
  CHECK(record["status"] == row.status);
  CHECK(record["reason"] == row.reason);
  CHECK(record["by"] == row.by);
  if (row.reason == "rejected") CHECK(record["detail"] == "host_repeated");
}

TEST_CASE("a failed endpoint, and a client that went away, are told apart", "[proxy][access]") {
  Seen seen;
  FakeUpstream upstream;
  SECTION("the endpoint closes before its answer") {
    upstream.script.end_at = 0;
    upstream.script.answer = kOk;
    upstream.script.body = 1;
    seen.gateway.add_upstream(upstream, 1);
    seen.gateway.ask(post("/app", "x"));
    const nlohmann::json record = seen.only_record();
    CHECK(record["reason"] == "endpoint_closed");
    CHECK(record["status"] == 502);
  }
  SECTION("the endpoint closes within its answer") {
    upstream.script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok";
    upstream.script.end_at = upstream.script.answer.size();
    seen.gateway.add_upstream(upstream, 1);
    seen.gateway.ask(get("/app"));
    const nlohmann::json record = seen.only_record();
    CHECK(record["reason"] == "answer_cut");
    CHECK(record["status"] == 200);
    CHECK(record["bytes_out"] == 2);
  }
  SECTION("the answer is none") {
    upstream.script.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok";
    seen.gateway.add_upstream(upstream, 1);
    seen.gateway.ask(get("/app"));
    CHECK(seen.only_record()["reason"] == "bad_response");
  }
  SECTION("the client resets while it waits") {
    seen.gateway.add_upstream(upstream, 1);
    {
      const Descriptor client = seen.gateway.connect();
      seen.gateway.ask(client, get("/chat"));
    }
    const nlohmann::json record = seen.only_record();
    CHECK(record["reason"] == "client_gone");
    CHECK(record["by"] == "client");
  }
}

TEST_CASE("a tunnel has two records, with what passed and who closed first", "[proxy][access]") {
  Seen seen;
  FakeUpstream upstream;
  upstream.script.answer = kSwitched;
  seen.gateway.add_upstream(upstream, 1);
  const Descriptor client = seen.gateway.connect();
  seen.gateway.ask(client, hub_upgrade("/chat?id=" + seen.gateway.tags[1] + "&access_token=t0ken"));
  nlohmann::json open = seen.only_record();
  CHECK(open["record"] == "websocket_open");
  CHECK(open["way"] == "tunnel");
  CHECK(open["status"] == 101);
  CHECK(open["affinity"] == "found");
  CHECK(open["action"] == "bound");
  CHECK(open["query"] == "id,access_token");
  const auto counts = seen.gateway.metrics.tunnels;
  CHECK(counts.at({"/chat", upstream.address().to_string()}) == 1);

  seen.gateway.ask(client, std::string("\x88\x82\0\0\0\0\x03\xe9", 8));
  ::shutdown(client.get(), SHUT_RDWR);
  seen.gateway.turn();
  upstream.connections[0].socket.reset();
  const auto all = seen.records();
  REQUIRE(all.size() == 2);
  CHECK(all[1]["record"] == "websocket_close");
  CHECK(all[1]["id"] == open["id"]);
  CHECK(all[1]["reason"] == "client_close");
  CHECK(all[1]["by"] == "client");
  CHECK(all[1]["close_code"] == 1001);
  CHECK(all[1]["frames_in"] == 1);
  CHECK(all[1]["bytes_in"] > 8);
  CHECK(seen.gateway.metrics.tunnels.empty());
  const std::string text = TemporaryFolder::read(seen.folder / "access.log");
  CHECK_THAT(text, !contains("t0ken"));
  CHECK_THAT(text, !contains(seen.gateway.tags[1]));
}

TEST_CASE("a handover is written when the worker has acked, under the request id that the worker got",
          "[proxy][access]") {
  Seen seen;
  Worker worker(seen.gateway.loop);
  worker.acks = false;
  seen.gateway.add_worker(worker, 0);
  const Descriptor client = seen.gateway.connect();
  seen.gateway.ask(client, hub_upgrade("/chat?id=" + seen.gateway.tags[1]));
  CHECK(seen.records().empty());
  CHECK(seen.gateway.handed_over.size() == 1);
  worker.acks = true;
  const nlohmann::json record = seen.only_record();
  CHECK(record["record"] == "websocket_open");
  CHECK(record["way"] == "handover");
  CHECK(record["endpoint"] == "main/0");
  CHECK(record["generation"] == 1000);
  CHECK(record["id"] == worker.links.accepts[0].request_id);
  seen.gateway.handed_over.died({1, 1000}, 1);
  CHECK(seen.records().back()["reason"] == "worker_died");
}

TEST_CASE("a handover that nobody acks is one exchange without an answer", "[proxy][access]") {
  Seen seen;
  Worker worker(seen.gateway.loop);
  worker.acks = false;
  seen.gateway.add_worker(worker, 0);
  const Descriptor client = seen.gateway.connect();
  seen.gateway.ask(client, hub_upgrade("/chat"));
  seen.gateway.advance(3s);
  const nlohmann::json record = seen.only_record();
  CHECK(record["record"] == "http");
  CHECK(record["reason"] == "handover_no_ack");
  CHECK_FALSE(record.contains("status"));
  CHECK(seen.gateway.handed_over.size() == 0);
}

TEST_CASE("a session that the proxy ends has its exchange recorded", "[proxy][access]") {
  Seen seen;
  FakeUpstream upstream;
  seen.gateway.add_upstream(upstream, 1);
  const Descriptor client = seen.gateway.connect();
  seen.gateway.ask(client, get("/app"));
  seen.gateway.loop.dispose(std::move(seen.gateway.sessions[0]));
  seen.gateway.sessions.clear();
  CHECK(seen.only_record()["reason"] == "proxy_stopped");
}
