#include "common/net/tls_context.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "common/net/connection.h"
#include "tests/support/catch.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;

namespace {

struct Pems {
  Pems() {
    char name[] = "/tmp/hubgate-tls-XXXXXX";
    folder = ::mkdtemp(name);
    certificate = folder + "/dev.crt";
    key = folder + "/dev.key";
  }
  ~Pems() { std::filesystem::remove_all(folder); }
  std::string folder, certificate, key;
};

struct Endpoint final : net::Connection::Handler {
  std::size_t on_data(MutableBytes input) override {
    received += as_text(input);
    return input.size();
  }
  void on_secured() override { secured = true; }
  void on_closed(net::CloseReason why) override { closed = why; }
  std::string received;
  bool secured = false;
  std::optional<net::CloseReason> closed;
};

}  // namespace

TEST_CASE("a self-signed pair is made once, its key readable by the owner only", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  struct stat info{};
  REQUIRE(::stat(pems.key.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const auto before = std::filesystem::last_write_time(pems.certificate);
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  CHECK(std::filesystem::last_write_time(pems.certificate) == before);
  std::filesystem::remove(pems.key);
  CHECK_FALSE(net::make_self_signed_pair(pems.certificate, pems.key));
}

TEST_CASE("TLS connections carry bytes both ways, large ones too, and end in order", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  const auto server_context = net::TlsContext::make_server(pems.certificate, pems.key);
  const auto client_context = net::TlsContext::make_client(pems.certificate);
  REQUIRE(server_context);
  REQUIRE(client_context);
  event::Loop loop;
  test::SocketPair pair;
  Endpoint at_server;
  Endpoint at_client;
  auto server_tls = (*server_context)->accept(pair.a.get());
  auto client_tls = (*client_context)->connect(pair.b.get(), "localhost");
  net::Connection server(loop, std::move(pair.a), std::move(server_tls), at_server);
  net::Connection client(loop, std::move(pair.b), std::move(client_tls), at_client);
  client.write("written before the handshake");
  for (int i = 0; i < 20 && at_server.received.empty(); ++i) loop.turn(false);
  CHECK(at_server.secured);
  CHECK(at_client.secured);
  CHECK(at_server.received == "written before the handshake");

  std::string big;
  for (int i = 0; i < 200'000; ++i) big += std::to_string(i);
  for (std::size_t at = 0; at < big.size(); at += 999) server.write(big.substr(at, 999));
  for (int i = 0; i < 10'000 && at_client.received.size() < big.size(); ++i) loop.turn(false);
  CHECK(at_client.received == big);

  server.close_when_flushed();
  for (int i = 0; i < 20 && !at_client.closed; ++i) loop.turn(false);
  CHECK(at_client.closed == net::CloseReason::kEnded);
}

TEST_CASE("a client that does not trust the server, or speaks no TLS, is told apart", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  const auto server_context = net::TlsContext::make_server(pems.certificate, pems.key);
  event::Loop loop;
  test::SocketPair pair;
  Endpoint at_server;
  auto server_tls = (*server_context)->accept(pair.a.get());
  net::Connection server(loop, std::move(pair.a), std::move(server_tls), at_server);
  SECTION("wrong name") {
    const auto client_context = net::TlsContext::make_client(pems.certificate);
    Endpoint at_client;
    auto client_tls = (*client_context)->connect(pair.b.get(), "example.org");
    net::Connection client(loop, std::move(pair.b), std::move(client_tls), at_client);
    for (int i = 0; i < 20 && !at_client.closed; ++i) loop.turn(false);
    CHECK(at_client.closed == net::CloseReason::kTlsFailed);
  }
  SECTION("plain HTTP") {
    test::write_all(pair.b.get(), "GET / HTTP/1.1\r\n\r\n");
    for (int i = 0; i < 20 && !at_server.closed; ++i) loop.turn(false);
    CHECK(at_server.closed == net::CloseReason::kTlsFailed);
  }
}

TEST_CASE("a pair that cannot be used is refused with the file's name", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  const Pems other;
  REQUIRE(net::make_self_signed_pair(other.certificate, other.key));
  const auto missing = net::TlsContext::make_server(pems.folder + "/none.crt", pems.key);
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().what, test::contains("none.crt"));
  CHECK_FALSE(net::TlsContext::make_server(pems.certificate, other.key));
}
