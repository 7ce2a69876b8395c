#include "common/net/listener.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "common/net/connector.h"
#include "tests/support/catch.h"
#include "tests/support/socket_pair.h"

using namespace hubgate;
using namespace std::chrono_literals;

namespace {

net::Address parsed(const std::string& text) { return *net::Address::parse(text); }

struct Folder {
  Folder() {
    char name[] = "/tmp/hubgate-net-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace

TEST_CASE("a listener accepts what connects, over v4, v6 and Unix sockets", "[net]") {
  const Folder folder;
  const int kind = GENERATE(0, 1, 2);
  const std::string where = kind == 0 ? "127.0.0.1:0" : kind == 1 ? "[::1]:0" : "unix:" + folder.path + "/s";
  CAPTURE(where);
  event::Loop loop;
  auto socket = net::open_listening_socket(parsed(where));
  REQUIRE(socket);
  std::vector<Descriptor> accepted;
  net::Listener listener(loop, *std::move(socket),
                         [&](Descriptor fd, const net::Address&) { accepted.push_back(std::move(fd)); });
  std::optional<Result<Descriptor>> connected;
  net::Connector connector(loop, [&](Result<Descriptor> result) { connected.emplace(std::move(result)); });
  connector.start(listener.address(), 5s);
  CHECK_FALSE(connected.has_value());  // never out of start()
  while (accepted.empty() || !connected) loop.turn(true);
  REQUIRE(*connected);
  test::write_all((*connected)->get(), "hello");
  CHECK(test::read_available(accepted[0].get()) == "hello");
  CHECK((::fcntl(accepted[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a stale Unix socket is replaced, a living one is not", "[net]") {
  const Folder folder;
  const net::Address address = parsed("unix:" + folder.path + "/s");
  {
    REQUIRE(net::open_listening_socket(address));
  }  // closed, the file stays
  auto living = net::open_listening_socket(address);
  REQUIRE(living);
  const auto second = net::open_listening_socket(address);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().what, test::contains("in use"));
}

TEST_CASE("a file that is no socket stays where a Unix socket was to be", "[net]") {
  const Folder folder;
  const std::string path = folder.path + "/data.txt";
  std::ofstream(path) << "precious";
  const auto socket = net::open_listening_socket(parsed("unix:" + path));
  REQUIRE_FALSE(socket);
  CHECK_THAT(socket.error().what, test::contains("exists and is no socket"));
  CHECK_THAT(socket.error().what, test::contains(path));
  std::string text;
  std::ifstream(path) >> text;
  CHECK(text == "precious");
}

TEST_CASE("a refused connect is told as such", "[net]") {
  event::Loop loop;
  net::Address address;
  {
    auto socket = net::open_listening_socket(parsed("127.0.0.1:0"));
    address = net::Address::local_of(socket->get());
  }
  std::optional<Result<Descriptor>> connected;
  net::Connector connector(loop, [&](Result<Descriptor> result) { connected.emplace(std::move(result)); });
  connector.start(address, 5s);
  while (!connected) loop.turn(true);
  REQUIRE_FALSE(*connected);
  CHECK(connected->error().code == ErrorCode::kRefused);
  CHECK(connected->error().side == Side::kUpstream);
}

TEST_CASE("out of descriptors the listener refuses one client, rests and goes on", "[net]") {
  event::Loop loop;
  auto socket = net::open_listening_socket(parsed("127.0.0.1:0"));
  int accepted = 0;
  net::Listener listener(loop, *std::move(socket), [&](Descriptor, const net::Address&) { ++accepted; });
  std::vector<Descriptor> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(clients.back().get(), listener.address().get(), listener.address().length()) == 0);
  }
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  rlimit low = old;
  low.rlim_cur = static_cast<rlim_t>(clients.back().get() + 1);  // nothing above what is open
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  loop.turn(true);
  ::setrlimit(RLIMIT_NOFILE, &old);
  CHECK(listener.exhausted() == 1);
  while (accepted < 1) loop.turn(true);
  CHECK(accepted == 1);  // the other one was refused
}

TEST_CASE("a listener that closes lets in who waits in its queue", "[net]") {
  event::Loop loop;
  auto socket = net::open_listening_socket(parsed("127.0.0.1:0"));
  int accepted = 0;
  bool closed = false;
  auto listener =
      std::make_unique<net::Listener>(loop, *std::move(socket), [&](Descriptor, const net::Address&) { ++accepted; });
  const net::Address address = listener->address();
  std::vector<Descriptor> clients;
  const int count = GENERATE(0, 1, 40);  // more than one turn takes
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(clients.back().get(), address.get(), address.length()) == 0);
  }
  listener->close_when_empty([&] {
    closed = true;
    loop.dispose_value(std::move(listener));
  });
  CHECK_FALSE(closed);
  while (!closed) loop.turn(true);
  CHECK(accepted == count);
  const Descriptor late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(::connect(late.get(), address.get(), address.length()) != 0);
}

TEST_CASE("in a storm that makes turns long, fewer are accepted a turn", "[net]") {
  event::Loop loop;
  auto socket = net::open_listening_socket(parsed("127.0.0.1:0"));
  int accepted = 0;
  net::Listener listener(loop, *std::move(socket), [&](Descriptor, const net::Address&) { ++accepted; });
  std::vector<Descriptor> clients;
  for (int i = 0; i < 60; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(clients.back().get(), listener.address().get(), listener.address().length()) == 0);
  }
  loop.turn(true);
  CHECK(accepted == net::Listener::kAcceptsPerTurn);
  // What else a turn does takes long.
  loop.run_later([] {
    const auto end = std::chrono::steady_clock::now() + net::Listener::kBusyTurn + 1ms;
    while (std::chrono::steady_clock::now() < end) {
    }
  });
  loop.turn(true);
  const int before = accepted;
  loop.turn(true);
  CHECK(before - net::Listener::kAcceptsPerTurn <= net::Listener::kAcceptsPerTurn);
  CHECK(accepted - net::Listener::kAcceptsPerTurn >= net::Listener::kAcceptsWhenBusy);
  CHECK(accepted - net::Listener::kAcceptsPerTurn <= net::Listener::kAcceptsPerTurn + net::Listener::kAcceptsWhenBusy);
}

TEST_CASE("while it is crowded few are accepted at a time, and then all the others", "[net]") {
  event::Loop loop;
  auto socket = net::open_listening_socket(parsed("127.0.0.1:0"));
  int accepted = 0;
  bool crowded = true;
  net::Listener listener(loop, *std::move(socket), [&](Descriptor, const net::Address&) { ++accepted; });
  listener.slow_down_while([&] { return crowded; });
  std::vector<Descriptor> clients;
  for (int i = 0; i < 60; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(clients.back().get(), listener.address().get(), listener.address().length()) == 0);
  }
  const auto begun = std::chrono::steady_clock::now();
  while (accepted < 5 * net::Listener::kAcceptsWhenBusy) loop.turn(true);
  CHECK(std::chrono::steady_clock::now() - begun >= 4 * net::Listener::kCrowdedRest);
  CHECK(accepted == 5 * net::Listener::kAcceptsWhenBusy);
  crowded = false;
  while (accepted < 60) loop.turn(true);
  // A pause stays one when the rest is over.
  crowded = true;
  clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(clients.back().get(), listener.address().get(), listener.address().length()) == 0);
  listener.pause();
  event::Timer over(loop, [] {});
  over.start(3 * net::Listener::kCrowdedRest);
  while (over.is_running()) loop.turn(true);
  CHECK(accepted == 60);
}

TEST_CASE("an address that needs privileges is told apart from one in use", "[net]") {
  auto taken = net::open_listening_socket(parsed("127.0.0.1:0"));
  REQUIRE(taken);
  const auto again = net::open_listening_socket(net::Address::local_of(taken->get()), Duration::zero());
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::kSystem);
  const auto nowhere = net::open_listening_socket(parsed("unix:/proc/1/root/x"), Duration::zero());
  CHECK_FALSE(nowhere);
}
