#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"
#include "tests/support/planted.h"

// What operators see of a running gateway: access log, metrics, status, the service manager's socket; and what nobody
// may see.

using namespace hubgate;
using test::contains;
using test::Gateway;
using test::HubClient;
using test::TcpClient;
using test::TemporaryFolder;
using test::wait_for;
using namespace std::chrono_literals;

namespace {

// One worker, an access log beside the configuration.
std::string config_with_access_log() {
  return R"(redis = "off"
runtime_dir = "run"
state_dir = "state"
stop_time = "2s"
[access_log]
target = "access.log"
[admin]
listen = "127.0.0.1:0"
[listener.public]
listen = "127.0.0.1:0"
[pool.main]
command = ["hubgate-worker"]
workers = 1
drain_time = "2s"
[[route]]
prefix = "/"
pool = "main"
)";
}

std::vector<nlohmann::json> records_of(const Gateway& gateway, const std::string& file = "access.log") {
  std::vector<nlohmann::json> records;
  std::istringstream lines(TemporaryFolder::read(gateway.folder() / file));
  for (std::string line; std::getline(lines, line);) {
    if (nlohmann::json::accept(line)) records.push_back(nlohmann::json::parse(line));
  }
  return records;
}

// Waits for the first record that has these values.
nlohmann::json wait_for_record(const Gateway& gateway, const nlohmann::json& wanted) {
  nlohmann::json found;
  wait_for("the record " + wanted.dump(), [&] {
    for (const auto& record : records_of(gateway)) {
      const bool fits = std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
        return record.contains(item.key()) && record[item.key()] == item.value();
      });
      if (fits) found = record;
    }
    return !found.is_null();
  });
  return found;
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex expression(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

}  // namespace

TEST_CASE("a handed-over connection has two records, and its worker's death ends it too", "[integration]") {
  Gateway gateway({.config = config_with_access_log()});
  nlohmann::json open;
  {
    HubClient client(gateway.port(), "/bench", "more=1");
    CHECK(client.call("Echo", {"hello"}) == "hello");
    open = wait_for_record(gateway, {{"record", "websocket_open"}, {"way", "handover"}});
    CHECK(open["path"] == "/bench");
    CHECK(open["query"] == "id,access_token,more");
    CHECK(open["affinity"] == "found");
    CHECK(open["action"] == "bound");
    CHECK(open["endpoint"] == "main/0");
    CHECK(open["revision"] == 1);
  }
  const nlohmann::json closed = wait_for_record(gateway, {{"record", "websocket_close"}, {"id", open["id"]}});
  CHECK(closed["reason"] == "lost");
  CHECK(closed["by"] == "network");
  CHECK(closed["frames_in"] >= 2);
  CHECK(closed["frames_out"] >= 2);
  CHECK(closed["generation"] == open["generation"]);

  HubClient victim(gateway.port(), "/bench");
  wait_for("a second handover", [&] { return gateway.metric("hubgate_proxy_handovers_total{result=\"acked\"}") == 2; });
  ::kill(gateway.pid_of("worker", "main/0"), SIGKILL);
  const nlohmann::json died = wait_for_record(gateway, {{"record", "websocket_close"}, {"reason", "worker_died"}});
  CHECK(died["by"] == "endpoint");
  CHECK(died["id"] != open["id"]);
  const nlohmann::json negotiate = wait_for_record(gateway, {{"record", "http"}, {"path", "/bench/negotiate"}});
  CHECK(negotiate["status"] == 200);
  CHECK(negotiate["reason"] == "completed");
  CHECK(gateway.metric("hubgate_proxy_handed_over_closed_total{by=\"endpoint\",reason=\"worker_died\"}") == 1);
}

TEST_CASE("a relayed WebSocket has two records with the proxy's own counts", "[integration]") {
  Gateway gateway({.config = config_with_access_log(), .overrides = {"pool.main.handover=off"}});
  {
    HubClient client(gateway.port(), "/bench");
    CHECK(client.call("Echo", {"hello"}) == "hello");
    CHECK(gateway.metric("hubgate_proxy_tunnels_active{route=\"/\",endpoint=\"main/0\"}") == 1);
  }
  const nlohmann::json closed = wait_for_record(gateway, {{"record", "websocket_close"}, {"way", "tunnel"}});
  CHECK(closed["reason"] == "lost");
  CHECK(closed["by"] == "client");
  CHECK(closed["frames_in"] == 2);
  CHECK(wait_for_record(gateway, {{"record", "websocket_open"}, {"way", "tunnel"}})["id"] == closed["id"]);
  wait_for("the worker's word of it", [&] { return gateway.endpoint("main/0")["active"] == 0; });
  const auto records = records_of(gateway);
  CHECK(std::count_if(records.begin(), records.end(),
                      [&](const nlohmann::json& one) { return one["id"] == closed["id"]; }) == 2);
}

TEST_CASE("USR1 opens the access log anew, for rotation", "[integration]") {
  Gateway gateway({.config = config_with_access_log()});
  const auto ask = [&](const std::string& path) { TcpClient(gateway.port()).request("GET", path, false); };
  ask("/before");
  wait_for_record(gateway, {{"path", "/before"}});
  std::filesystem::rename(gateway.folder() / "access.log", gateway.folder() / "access.log.1");
  gateway.signal(SIGUSR1);
  wait_for("the new file", [&] { return std::filesystem::exists(gateway.folder() / "access.log"); });
  ask("/after");
  wait_for_record(gateway, {{"path", "/after"}});
  for (const auto& record : records_of(gateway, "access.log.1")) CHECK(record["path"] != "/after");
}

TEST_CASE("a running gateway shows the documented metrics, and no other", "[integration]") {
  Gateway gateway;
  HubClient client(gateway.port(), "/bench");
  CHECK(client.call("Echo", {"x"}) == "x");
  // A worker's series come each second.
  wait_for("the worker's series",
           [&] { return gateway.admin("/metrics").body.find("hubgate_redis_ready{") != std::string::npos; });
  const std::set<std::string> shown = matches(gateway.admin("/metrics").body, "# TYPE (hubgate_[a-z0-9_]+) ");
  const std::string document = TemporaryFolder::read("docs/operations.md");
  const std::set<std::string> documented = matches(document, "\n\\| `(hubgate_[a-z0-9_]+)`");
  CHECK(shown.size() > 50);
  for (const std::string& name : shown) {
    CAPTURE(name);
    CHECK(documented.contains(name));
  }
  for (const std::string& name : documented) {
    if (name == "hubgate_proxy_tls_cert_not_after_seconds") continue;  // where a listener has TLS
    if (name == "hubgate_proxy_worker_ends_total") continue;           // once a worker has ended
    CAPTURE(name);
    CHECK(shown.contains(name));
  }
}

TEST_CASE("status shows every process with role and pid, and top shows rates", "[integration]") {
  Gateway gateway;
  const nlohmann::json status = gateway.status();
  std::multiset<std::string> roles;
  for (const auto& process : status["processes"]) {
    roles.insert(process["role"]);
    CHECK(test::is_running(process["pid"]));
  }
  CHECK(roles == std::multiset<std::string>{"proxy", "redis", "supervisor", "worker", "worker"});
  CHECK(status["revision"] == 1);
  CHECK(status["redis_state"] == "ready");
  CHECK(status["pools"][0]["endpoints"].size() == 2);
  for (const auto& endpoint : status["pools"][0]["endpoints"]) CHECK(endpoint["generation"] > 1'000'000'000);
  CHECK(status["totals"]["connections"].is_number());

  CHECK(gateway.command({"status", "--json"}) == 0);
  CHECK(nlohmann::json::accept(TemporaryFolder::read(gateway.folder() / "command")));
  CHECK(gateway.command({"status", "--redis"}) == 0);
  CHECK_THAT(TemporaryFolder::read(gateway.folder() / "command"), contains("unix:" + gateway.folder() / "run"));
  CHECK(gateway.command({"top", "--once"}) == 0);
  CHECK_THAT(TemporaryFolder::read(gateway.folder() / "command"), contains("per second: "));
}

TEST_CASE("a service manager hears of readiness, of a reload and of the stop", "[integration]") {
  const TemporaryFolder folder;
  const Descriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder / "notify";
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const auto next = [&] {
    std::string heard;
    wait_for("a datagram", [&] {
      char buffer[256];
      const ssize_t got = ::recv(manager.get(), buffer, sizeof buffer, 0);
      if (got > 0) heard.assign(buffer, static_cast<std::size_t>(got));
      return got > 0;
    });
    return heard;
  };
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  Gateway gateway;
  ::unsetenv("NOTIFY_SOCKET");
  CHECK(next() == "READY=1");
  gateway.signal(SIGHUP);
  CHECK_THAT(next(), contains("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(next() == "READY=1");
  // Neither a new proxy nor its reading of the file is news to the manager.
  const pid_t proxy = gateway.pid_of("proxy");
  ::kill(proxy, SIGKILL);
  wait_for("another proxy", [&] {
    const pid_t now = gateway.pid_of("proxy");
    return now != 0 && now != proxy;
  });
  gateway.wait_until_ready();
  gateway.signal(SIGTERM);
  CHECK(next() == "STOPPING=1");
  CHECK(gateway.wait_for_end() == 0);
}

TEST_CASE("what looks like a secret is found in a log", "[integration]") {
  CHECK(test::secret_in("a line with planted-cookie in it").has_value());
  CHECK(test::secret_in("id=AQEBAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fIA").has_value());
  CHECK_FALSE(test::secret_in("request=R9xkQ2yY0x2YkW1vV3l0bQ path=/tmp/hubgate-test-abcdef/run").has_value());
}

TEST_CASE("no secret stands in any output, page or command line", "[integration]") {
  const std::string password = "planted-redis-password";
  // Nobody is there: what is said of a Redis that cannot be reached must not show its password either.
  ::setenv("HUBGATE_REDIS", ("redis://planted-user:" + password + "@127.0.0.1:1/0").c_str(), 1);
  std::string config = config_with_access_log();
  config.replace(0, std::string_view("redis = \"off\"").size(), "redis = {env = \"HUBGATE_REDIS\"}");
  const auto handover = GENERATE(as<std::string>(), "auto", "off");
  for (const std::string format : {"json", "text"}) {
    CAPTURE(handover, format);
    Gateway gateway(
        {.config = config,
         .overrides = {"pool.main.handover=" + handover, "access_log.format=" + format, "log.level=trace"}});
    std::vector<std::string> secrets = {
        password,         "planted-user",        "planted-access-token", "planted-authorization",
        "planted-cookie", "planted-query-value", "planted-bare-query"};
    {
      HubClient client(gateway.port(), "/bench");
      CHECK(client.call("Echo", {"x"}) == "x");
      secrets.push_back(client.token().substr(client.token().size() - 22));
      wait_for("the worker's word on Redis", [&] {
        const std::string state = gateway.endpoint("main/0").value("redis_state", "");
        return !state.empty() && state != "ready";
      });
      const std::string more = "Authorization: Bearer planted-authorization\r\nCookie: a=planted-cookie\r\n\r\n";
      for (const std::string head :
           {"GET /bench?id=planted-query-value HTTP/1.1\r\nHost: x\r\n",
            "GET /nothing?planted-bare-query HTTP/1.1\r\nHost: x\r\n",
            "GET /bench?access_token=planted-access-token HTTP/1.1\r\nHost: x\r\nHost: y\r\n",
            "POST /bench/negotiate?access_token=planted-access-token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"}) {
        TcpClient raw(gateway.port());
        raw.send(head + more);
        CHECK_FALSE(raw.read([](const std::string& input) { return input.find("\r\n\r\n") + 1; }).empty());
      }
    }
    wait_for("the last record", [&] {
      const std::string log = TemporaryFolder::read(gateway.folder() / "access.log");
      return log.find("websocket_close") != std::string::npos && log.find("rejected") != std::string::npos;
    });
    gateway.command({"reload"});
    gateway.command({"status", "--json"});
    std::string seen = gateway.output() + gateway.log() + TemporaryFolder::read(gateway.folder() / "command") +
                       TemporaryFolder::read(gateway.folder() / "access.log") + gateway.admin("/metrics").body +
                       gateway.admin("/status").body + gateway.admin("/status?format=json").body;
    for (const pid_t pid : gateway.all_pids()) {
      seen += TemporaryFolder::read("/proc/" + std::to_string(pid) + "/cmdline") + "\n";
    }
    CHECK(seen.find("hubgate-worker") != std::string::npos);
    for (const std::string& secret : secrets) {
      CAPTURE(secret);
      const std::size_t at = seen.find(secret);
      if (at != std::string::npos) {
        UNSCOPED_INFO(seen.substr(at < 200 ? 0 : at - 200, 400));
        FAIL_CHECK("a secret is shown");
      }
    }
  }
  ::unsetenv("HUBGATE_REDIS");
}
