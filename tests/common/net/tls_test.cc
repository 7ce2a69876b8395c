#include "common/net/tls_context.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "common/net/connection.h"
#include "common/net/listener.h"
#include "common/net/tls_handshakes.h"
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

TEST_CASE("a context tells how long its certificate is valid, and equal certificates apart from others", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  const Pems other;
  REQUIRE(net::make_self_signed_pair(other.certificate, other.key));
  const auto one = net::TlsContext::make_server(pems.certificate, pems.key).value();
  const auto same = net::TlsContext::make_server(pems.certificate, pems.key).value();
  const auto another = net::TlsContext::make_server(other.certificate, other.key).value();
  const auto in = std::chrono::seconds(one->not_after()) - std::chrono::system_clock::now().time_since_epoch();
  CHECK(in > std::chrono::hours(364 * 24));
  CHECK(in < std::chrono::hours(366 * 24));
  CHECK(one->fingerprint() == same->fingerprint());
  CHECK(one->fingerprint() != another->fingerprint());
}

TEST_CASE("certificates that do not issue each other are no chain", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  std::ofstream(pems.certificate, std::ios::app) << std::ifstream(pems.certificate).rdbuf();
  CHECK(net::TlsContext::make_server(pems.certificate, pems.key));  // a self-signed one issues itself
  const Pems chain;
  REQUIRE(std::system(("cd " + chain.folder +
                       " && openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other"
                       " -keyout k -out c 2>/dev/null")
                          .c_str()) == 0);
  std::ofstream(pems.certificate, std::ios::app) << std::ifstream(chain.folder + "/c").rdbuf();
  const auto broken = net::TlsContext::make_server(pems.certificate, pems.key);
  REQUIRE_FALSE(broken);
  CHECK_THAT(broken.error().what, test::contains("is no chain: certificate 3"));
}

namespace {

// The outcome of a handshake of a client that was told to speak so.
bool client_is_served(const Pems& pems, const std::string& options) {
  event::Loop loop;
  const auto context = net::TlsContext::make_server(pems.certificate, pems.key).value();
  auto socket = net::open_listening_socket(*net::Address::parse("127.0.0.1:0")).value();
  const std::string port = std::to_string(net::Address::local_of(socket.get()).port());
  Endpoint at_server;
  std::unique_ptr<net::Connection> server;
  net::Listener listener(loop, std::move(socket), [&](Descriptor accepted, const net::Address&) {
    auto tls = context->accept(accepted.get());
    server = std::make_unique<net::Connection>(loop, std::move(accepted), std::move(tls), at_server);
  });
  std::thread client([&] {
    const std::string command =
        "openssl s_client -connect 127.0.0.1:" + port + " " + options + " </dev/null >/dev/null 2>&1";
    static_cast<void>(std::system(command.c_str()));
  });
  while (!at_server.secured && !at_server.closed) loop.turn(true);
  server->close();
  client.join();
  return at_server.secured;
}

}  // namespace

TEST_CASE("clients of TLS 1.2 with ECDHE and an AEAD suite, and of 1.3, are served; others are not", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  CHECK(client_is_served(pems, "-tls1_3"));
  CHECK(client_is_served(pems, "-tls1_2"));
  CHECK(client_is_served(pems, "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305"));
  CHECK_FALSE(client_is_served(pems, "-tls1_1 -cipher DEFAULT:@SECLEVEL=0"));
  CHECK_FALSE(client_is_served(pems, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"));
  CHECK_FALSE(client_is_served(pems, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"));
  CHECK_FALSE(client_is_served(pems, "-tls1_2 -cipher AES128-GCM-SHA256:@SECLEVEL=0"));
}

TEST_CASE("handshakes are counted, bounded in number, and leave the rest of a turn's time to others", "[net][tls]") {
  const Pems pems;
  REQUIRE(net::make_self_signed_pair(pems.certificate, pems.key));
  const auto server_context = net::TlsContext::make_server(pems.certificate, pems.key).value();
  const auto client_context = net::TlsContext::make_client(pems.certificate).value();
  event::Loop loop;
  int room = 0;
  net::TlsHandshakes handshakes(loop, 2, [&] { ++room; });
  struct Pair {
    Pair(event::Loop& loop, net::TlsHandshakes& handshakes, const net::TlsContext& context) {
      auto tls = context.accept(sockets.a.get(), &handshakes);
      server = std::make_unique<net::Connection>(loop, std::move(sockets.a), std::move(tls), at_server);
    }
    test::SocketPair sockets;
    Endpoint at_server;
    std::unique_ptr<net::Connection> server;
  };
  Pair good(loop, handshakes, *server_context);
  CHECK_FALSE(handshakes.is_full());
  Pair bad(loop, handshakes, *server_context);
  CHECK(handshakes.is_full());
  test::write_all(bad.sockets.b.get(), "GET / HTTP/1.1\r\n\r\n");
  for (int i = 0; i < 5; ++i) loop.turn(false);
  CHECK(handshakes.counts().failed == 1);
  CHECK(room == 1);
  auto gone = std::make_unique<Pair>(loop, handshakes, *server_context);
  gone.reset();
  CHECK(handshakes.counts().abandoned == 1);
  CHECK(room == 2);

  // Somebody has used this turn up: the handshake goes on in a later one.
  const auto ticket = handshakes.admit();
  Endpoint at_client;
  auto tls = client_context->connect(good.sockets.b.get(), "localhost");
  net::Connection client(loop, std::move(good.sockets.b), std::move(tls), at_client);
  for (int i = 0; i < 20; ++i) {
    ticket->spent(net::TlsHandshakes::kTimePerTurn);
    CHECK_FALSE(ticket->may_go_on());
    loop.turn(false);
  }
  CHECK_FALSE(good.at_server.secured);
  for (int i = 0; i < 20 && !good.at_server.secured; ++i) loop.turn(false);
  CHECK(good.at_server.secured);
  CHECK(handshakes.counts().succeeded == 1);
  CHECK(handshakes.active() == 1);  // our ticket
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
