#include "proxy/access/access_record.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

using namespace hubgate::proxy;
using namespace std::chrono_literals;

namespace {

AccessRecord sample() {
  AccessRecord record;
  record.time = std::chrono::system_clock::time_point(1'700'000'000'042ms);
  record.request_id = "abc";
  record.client = "192.0.2.7:50000";
  record.listener = "public";
  record.method = "POST";
  record.path = "/chat/negotiate";
  record.query = "id=secret&access_token=topsecret";
  record.status = 200;
  record.route = "/chat";
  record.pool = "main";
  record.endpoint = "main/0";
  record.generation = 1000;
  record.revision = 3;
  record.affinity = Affinity::kFound;
  record.action = AffinityAction::kBound;
  record.bytes_in = 5;
  record.bytes_out = 7;
  record.waited = 1500us;
  record.total = 20ms;
  return record;
}

nlohmann::json json_of(const AccessRecord& record) {
  std::string line;
  append_json(line, record);
  CAPTURE(line);
  CHECK(line.find('\n') == std::string::npos);
  return nlohmann::json::parse(line);
}

}  // namespace

TEST_CASE("an exchange's record has its facts, and leaves out what it has not", "[proxy][access]") {
  const nlohmann::json json = json_of(sample());
  CHECK(json["time"] == "2023-11-14T22:13:20.042Z");
  CHECK(json["record"] == "http");
  CHECK(json["id"] == "abc");
  CHECK(json["status"] == 200);
  CHECK(json["reason"] == "completed");
  CHECK(json["by"] == "endpoint");
  CHECK(json["affinity"] == "found");
  CHECK(json["action"] == "bound");
  CHECK(json["wait_ms"] == 1.5);
  CHECK(json["total_ms"] == 20);
  CHECK_FALSE(json.contains("connect_ms"));
  CHECK_FALSE(json.contains("frames_in"));
  CHECK_FALSE(json.contains("tls"));
}

TEST_CASE("of a query the record has names only", "[proxy][access]") {
  const nlohmann::json json = json_of(sample());
  CHECK(json["query"] == "id,access_token");
  CHECK(json.dump().find("secret") == std::string::npos);
  std::string line;
  append_text(line, sample());
  CHECK(line.find("secret") == std::string::npos);
  CHECK(line.find("\"POST /chat/negotiate id,access_token\"") != std::string::npos);
}

TEST_CASE("what might be a value without a name is not shown as a name", "[proxy][access]") {
  CHECK(query_names("") == "");
  CHECK(query_names("eyJhbGciOiJIUzI1NiJ9") == "?");
  CHECK(query_names("a=1&&b=2&=3") == "a,b");
  CHECK(query_names("%69d=x") == "?");
  CHECK(query_names(std::string(40, 'k') + "=v") == "?");
  CHECK(query_names(std::string(5000, '&')) == "");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "key=1&";
  CHECK(query_names(many).size() < 300);
}

TEST_CASE("a record stays one line of valid JSON, whatever the client sent", "[proxy][access]") {
  AccessRecord record = sample();
  const std::string path("/\"\\\n\r\t\x01\x7f\xff\xc3", 11);
  record.path = path;
  std::string line;
  append_json(line, record);
  CHECK(nlohmann::json::accept(line));
  CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c <= 0x7e; }));
  line.clear();
  append_text(line, record);
  CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c <= 0x7e; }));
  CHECK(std::count(line.begin(), line.end(), '"') == 2);
  const std::string endless(100'000, 'x');
  record.path = endless;
  line.clear();
  append_json(line, record);
  CHECK(line.size() < 4096);
}

TEST_CASE("a WebSocket's opening has no reason, its end has frames and a code", "[proxy][access]") {
  AccessRecord record = sample();
  record.way = AccessRecord::Way::kTunnel;
  record.kind = AccessRecord::Kind::kWebSocketOpened;
  nlohmann::json json = json_of(record);
  CHECK(json["record"] == "websocket_open");
  CHECK(json["way"] == "tunnel");
  CHECK_FALSE(json.contains("reason"));
  record.kind = AccessRecord::Kind::kWebSocketClosed;
  record.reason = TerminationReason::kClientClose;
  record.by = ClosedBy::kClient;
  record.close_code = 1001;
  json = json_of(record);
  CHECK(json["record"] == "websocket_close");
  CHECK(json["reason"] == "client_close");
  CHECK(json["by"] == "client");
  CHECK(json["close_code"] == 1001);
  CHECK(json["frames_out"] == 0);
}
