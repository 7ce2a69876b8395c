#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "common/net/connection.h"
#include "common/net/connector.h"
#include "common/net/listener.h"
#include "common/net/tls_context.h"
#include "common/net/transport.h"
#include "tests/integration/gateway.h"
#include "tests/integration/hub_client.h"
#include "tests/support/catch.h"

// Listeners and certificates change under living connections.

using namespace hubgate;
using test::Gateway;
using test::HubClient;
using test::wait_for;

namespace {

std::uint16_t free_port() {
  const auto socket = net::open_listening_socket(*net::Address::parse("127.0.0.1:0"));
  REQUIRE(socket);
  return net::Address::local_of(socket->get()).port();
}

std::string listener(const std::string& name, std::uint16_t port, const std::string& more = {}) {
  return "[listener." + name + "]\nlisten = \"127.0.0.1:" + std::to_string(port) + "\"\n" + more;
}

// The answer to a request over TLS of a client that trusts `certificate` only; "" when it trusts nobody there.
std::string ask_over_tls(std::uint16_t port, const std::string& certificate) {
  struct Client final : net::Connection::Handler {
    std::size_t on_data(MutableBytes input) override {
      received += as_text(input);
      return input.size();
    }
    void on_closed(net::CloseReason) override { closed = true; }
    std::string received;
    bool closed = false;
  };
  const auto context = net::TlsContext::make_client(certificate).value();
  event::Loop loop;
  std::optional<Result<Descriptor>> connected;
  net::Connector connector(loop, [&](Result<Descriptor> result) { connected.emplace(std::move(result)); });
  connector.start(*net::Address::parse("127.0.0.1:" + std::to_string(port)), std::chrono::seconds(5));
  while (!connected) loop.turn(true);
  REQUIRE(*connected);
  Client client;
  auto tls = context->connect((*connected)->get(), "localhost");
  net::Connection connection(loop, std::move(*connected).value(), std::move(tls), client);
  connection.write("GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  while (!client.closed) loop.turn(true);
  return client.received;
}

double not_after(const Gateway& gateway) {
  return gateway.metric("hubgate_proxy_tls_cert_not_after_seconds{listener=\"secure\"}");
}

}  // namespace

TEST_CASE("a listener is added and removed by reloads: nobody in its queue is lost, who came through it stays",
          "[integration]") {
  Gateway gateway({.overrides = {"watch=false"}});
  const std::uint16_t port = free_port();
  gateway.write_config(Gateway::usual_config() + listener("second", port));
  REQUIRE(gateway.command({"reload"}) == 0);
  CHECK(gateway.status()["listeners"].size() == 2);
  CHECK(gateway.status()["needs_restart"].empty());
  HubClient handed_over(port, "/bench");
  CHECK(handed_over.call("Echo", {"one"}) == "one");
  test::TcpClient idle(port);
  CHECK(idle.request("GET", "/nothing").status == 404);

  // The proxy that comes after this one has the listener too.
  const pid_t proxy = gateway.pid_of("proxy");
  ::kill(proxy, SIGKILL);
  wait_for("another proxy", [&] {
    const pid_t now = gateway.pid_of("proxy");
    return now != 0 && now != proxy && gateway.is_ready();
  });
  test::TcpClient kept(port);
  CHECK(kept.request("GET", "/nothing").status == 404);

  // Clients come all the time while it is removed: each is served, or not let in at all.
  std::atomic<bool> refused = false;
  std::atomic<int> served = 0;
  std::atomic<int> lost = 0;
  std::thread coming([&] {
    while (!refused) {
      Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto address = *net::Address::parse("127.0.0.1:" + std::to_string(port));
      if (::connect(socket.get(), address.get(), address.length()) != 0) {
        refused = true;
        break;
      }
      const std::string request = "GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
      char answer[64];
      if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
          ::recv(socket.get(), answer, sizeof answer, 0) > 12) {
        ++served;
      } else {
        ++lost;
      }
    }
  });
  wait_for("some clients", [&] { return served > 50; });
  gateway.write_config(Gateway::usual_config());
  const int code = gateway.command({"reload"});
  wait_for("a refused connect", [&] { return refused.load(); });
  coming.join();
  CHECK(code == 0);
  CHECK(lost == 0);
  CHECK(gateway.status()["listeners"].size() == 1);
  CHECK(handed_over.call("Echo", {"two"}) == "two");
  // An idle connection is closed within the spread; the other listener's are not.
  test::TcpClient stays(gateway.port());
  CHECK(stays.request("GET", "/nothing").status == 404);
  wait_for("the idle connection's end", [&] { return kept.has_ended(); }, std::chrono::seconds(15));
  CHECK(stays.request("GET", "/nothing").status == 404);
  CHECK(handed_over.call("Echo", {"three"}) == "three");

  // The address is free for another name, and the same again.
  gateway.write_config(Gateway::usual_config() + listener("third", port));
  REQUIRE(gateway.command({"reload"}) == 0);
  CHECK(test::TcpClient(port).request("GET", "/nothing").status == 404);
  // Renamed, it keeps its socket.
  gateway.write_config(Gateway::usual_config() + listener("fourth", port));
  REQUIRE(gateway.command({"reload"}) == 0);
  CHECK(test::TcpClient(port).request("GET", "/nothing").status == 404);
}

TEST_CASE("clients come over IPv4, IPv6 and a Unix socket, handed over and relayed", "[integration]") {
  Gateway gateway({.config = Gateway::usual_config() + "[listener.six]\nlisten = \"[::1]:0\"\n"
                                                       "[listener.socket]\nlisten = \"unix:client.sock\"\n"});
  CHECK(gateway.output() == "ready http://127.0.0.1:" + std::to_string(gateway.port()) + " admin=http://127.0.0.1:" +
                                std::to_string(gateway.admin_port()) + " runtime=" + gateway.folder() / "run" + "\n");
  int listeners = 0;
  const nlohmann::json status = gateway.status();
  for (const auto& one : status["listeners"]) {
    CAPTURE(one.dump());
    ++listeners;
    const auto address = net::Address::parse(one["address"].get<std::string>());
    REQUIRE(address);
    CHECK(address->is_unix() == (one["name"] == "socket"));
    HubClient handed_over(*address, "/bench");
    CHECK(handed_over.call("Echo", {"one"}) == "one");
    test::TcpClient relayed(*address);
    REQUIRE(relayed.is_connected());
    CHECK(relayed.request("POST", "/bench/negotiate?negotiateVersion=1").status == 200);
    CHECK(relayed.request("GET", "/nothing").status == 404);
    CHECK(handed_over.call("Echo", {"two"}) == "two");
  }
  CHECK(listeners == 3);
}

TEST_CASE("the ready line names the listener that there is", "[integration]") {
  const bool is_unix = GENERATE(false, true);
  std::string config = Gateway::usual_config();
  const std::string usual = "[listener.public]\nlisten = \"127.0.0.1:0\"";
  config.replace(config.find(usual), usual.size(),
                 std::string("[listener.public]\nlisten = ") + (is_unix ? "\"unix:client.sock\"" : "\"[::1]:0\""));
  Gateway gateway({.config = config, .wait_until_ready = false});
  wait_for(
      "the ready line", [&] { return gateway.output().find('\n') != std::string::npos; }, std::chrono::seconds(30));
  const std::string line = gateway.output();
  const std::string url = is_unix ? "unix:" + (gateway.folder() / "client.sock") + " " : "http://[::1]:";
  CHECK(line.starts_with("ready " + url));
  const std::string named = line.substr(6, line.find(' ', 6) - 6);
  const auto address = net::Address::parse(is_unix ? named : named.substr(7));
  REQUIRE(address);
  CHECK(HubClient(*address, "/bench").call("Echo", {"x"}) == "x");
}

TEST_CASE("a listener whose address is taken refuses the reload, and everything stays", "[integration]") {
  Gateway gateway({.overrides = {"watch=false"}});
  const auto taken = net::open_listening_socket(*net::Address::parse("127.0.0.1:0"));
  const std::uint16_t port = net::Address::local_of(taken->get()).port();
  gateway.write_config(Gateway::usual_config() + "[limits]\nqueue_length = 7\n" + listener("second", port));
  CHECK(gateway.command({"reload"}) == 78);
  const auto status = gateway.status();
  CHECK(status["last_reload_ok"] == false);
  CHECK_THAT(status["last_reload_errors"][0].get<std::string>(), test::contains("listener.second: cannot listen on"));
  CHECK(status["revision"] == 1);
  CHECK(status["listeners"].size() == 1);
  CHECK(HubClient(gateway.port(), "/bench").call("Echo", {"still"}) == "still");
}

TEST_CASE("a replaced certificate is taken over without a touch, and a broken pair is not", "[integration]") {
  test::TemporaryFolder pairs;
  for (const char* name : {"a", "b", "other"}) {
    const std::string at = pairs / name;
    REQUIRE(net::make_self_signed_pair(at + ".crt", at + ".key"));
  }
  std::filesystem::create_directory(pairs / "live");
  const std::string certificate = pairs / "live/chain.pem";
  const std::string key = pairs / "live/key.pem";
  const auto install = [&](const std::string& crt, const std::string& pem) {
    for (const auto& [from, to] : {std::pair(pairs / crt, certificate), std::pair(pairs / pem, key)}) {
      std::filesystem::copy_file(from, to + ".new");
      std::filesystem::rename(to + ".new", to);
    }
  };
  install("a.crt", "a.key");
  const std::uint16_t port = free_port();
  Gateway gateway(
      {.config = Gateway::usual_config() +
                 listener("secure", port, "tls = {certificate = \"" + certificate + "\", key = \"" + key + "\"}\n")});
  CHECK_THAT(ask_over_tls(port, pairs / "a.crt"), test::contains("404"));
  CHECK(not_after(gateway) > 0);

  install("b.crt", "b.key");
  wait_for("the watched file's certificate", [&] { return !ask_over_tls(port, pairs / "b.crt").empty(); });
  CHECK(ask_over_tls(port, pairs / "a.crt").empty());
  CHECK(gateway.status()["last_reload_ok"] == true);

  install("a.crt", "other.key");
  wait_for("the refused pair", [&] { return gateway.status()["last_reload_ok"] == false; });
  CHECK_THAT(gateway.status()["last_reload_errors"][0].get<std::string>(), test::contains("key values mismatch"));
  CHECK_THAT(ask_over_tls(port, pairs / "b.crt"), test::contains("404"));

  install("a.crt", "a.key");
  REQUIRE(gateway.command({"reload"}) == 0);
  CHECK_THAT(ask_over_tls(port, pairs / "a.crt"), test::contains("404"));
  CHECK(gateway.metric("hubgate_proxy_tls_handshakes_total{result=\"ok\"}") >= 4);
  CHECK(gateway.metric("hubgate_proxy_tls_handshakes_total{result=\"failed\"}") >= 1);
}
