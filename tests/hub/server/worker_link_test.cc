#include "hub/server/worker_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/memory_log.h"

using namespace hubgate;
using namespace hubgate::control;

namespace {

constexpr std::uint64_t kEpoch = 77;

// The proxy's end of one link, read by hand.
struct ProxyEnd final : PacketLink::Handler {
  ProxyEnd(event::Loop& loop, Descriptor socket) : link(loop, std::move(socket), *this) {}
  void on_packet(Bytes bytes, Descriptor, bool) override { messages.emplace_back(as_text(bytes)); }
  void on_link_closed(std::string_view) override { closed = true; }

  std::vector<std::string> messages;
  bool closed = false;
  PacketLink link;
};

struct Server final : hub::WorkerLink::Handler {
  void on_welcome(const Welcome& welcome) override { welcomes.push_back(welcome); }
  bool admits(const Accept& accept, std::size_t waiting) override {
    most_waiting = std::max(most_waiting, waiting);
    return !refuse || !refuse(accept);
  }
  void on_accept(Accept accept, Descriptor socket) override {
    if (on_each) on_each();
    accepted.push_back(std::move(accept));
    sockets.push_back(std::move(socket));
  }
  void on_drain(const Drain& drain) override { drains.push_back(drain); }
  void on_undrain() override { ++undrains; }
  void on_close(const Close& close) override { closes.push_back(close); }
  void on_gateway_lost(std::string_view why) override { lost.emplace_back(why); }

  std::vector<Welcome> welcomes;
  std::function<bool(const Accept&)> refuse;
  std::function<void()> on_each;
  std::size_t most_waiting = 0;
  std::vector<Accept> accepted;
  std::vector<Descriptor> sockets;
  std::vector<Drain> drains;
  int undrains = 0;
  std::vector<Close> closes;
  std::vector<std::string> lost;
};

struct Fixture {
  event::Loop loop;
  test::MemoryLog log;
  Server server;
  std::unique_ptr<ProxyEnd> control;
  std::unique_ptr<ProxyEnd> handover;
  std::unique_ptr<hub::WorkerLink> link;

  Fixture() {
    auto one = PacketLink::make_pair();
    auto two = PacketLink::make_pair();
    REQUIRE(one);
    REQUIRE(two);
    control = std::make_unique<ProxyEnd>(loop, std::move(one->first));
    handover = std::make_unique<ProxyEnd>(loop, std::move(two->first));
    link = std::make_unique<hub::WorkerLink>(
        loop, *log, hub::WorkerLink::Sockets{std::move(one->second), std::move(two->second)}, server);
  }
  void turn() {
    for (int i = 0; i < 4; ++i) loop.turn(false);
  }
  void wait_for(const std::function<bool()>& condition) {
    const TimePoint end = loop.now() + std::chrono::seconds(10);
    while (!condition() && loop.now() < end) loop.turn(true);
    REQUIRE(condition());
  }
  void greet(std::uint64_t epoch = kEpoch) {
    control->link.send(encode(Hello{.epoch = epoch}));
    Welcome welcome;
    welcome.epoch = epoch;
    control->link.send(encode(welcome));
    handover->link.send(encode(Hello{.epoch = epoch}));
    turn();
  }
  // Gives one end of a socketpair; returns the client's.
  Descriptor give(std::uint64_t n, std::uint64_t epoch = kEpoch) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    const Descriptor given(ends[1]);
    Accept accept;
    accept.epoch = epoch;
    accept.n = n;
    accept.head = "GET / HTTP/1.1\r\n\r\n";
    REQUIRE(handover->link.send(encode(accept), given.get()) == PacketLink::Sent::kSent);
    return Descriptor(ends[0]);
  }
  template <class Message>
  std::vector<Message> control_messages() const {
    std::vector<Message> found;
    for (const std::string& bytes : control->messages) {
      const auto message = decode_control_to_proxy(as_bytes(bytes));
      REQUIRE(message);
      if (const auto* one = std::get_if<Message>(&*message)) found.push_back(*one);
    }
    return found;
  }
  // "hello 77", "mine 3", "refused 2"
  std::vector<std::string> handover_messages() const {
    std::vector<std::string> said;
    for (const std::string& bytes : handover->messages) {
      const auto message = decode_handover_to_proxy(as_bytes(bytes));
      REQUIRE(message);
      if (const auto* hello = std::get_if<Hello>(&*message)) said.push_back("hello " + std::to_string(hello->epoch));
      if (const auto* mine = std::get_if<Mine>(&*message)) said.push_back("mine " + std::to_string(mine->n));
      if (const auto* refused = std::get_if<Refused>(&*message))
        said.push_back("refused " + std::to_string(refused->n));
    }
    return said;
  }
};

}  // namespace

TEST_CASE("a worker answers Hello on each link with its own and hears the Welcome", "[hub][links]") {
  Fixture f;
  f.greet();
  CHECK(f.server.welcomes.size() == 1);
  REQUIRE(f.control_messages<Hello>().size() == 1);
  CHECK(f.control_messages<Hello>()[0].epoch == kEpoch);
  CHECK(f.handover_messages() == std::vector<std::string>{"hello 77"});
  f.link->announce({Path{0, "/chat", "Demo", "", {}, "", {}}}, Ready{0, "", false, 100, false});
  f.turn();
  REQUIRE(f.control_messages<Path>().size() == 1);
  CHECK(f.control_messages<Path>()[0].epoch == kEpoch);
  REQUIRE(f.control_messages<Ready>().size() == 1);
  CHECK(f.control_messages<Ready>()[0].epoch == kEpoch);
}

TEST_CASE("sockets of one turn are acked with one Mine, before the server gets any of them", "[hub][links]") {
  Fixture f;
  f.greet();
  bool acked_first = true;
  f.server.on_each = [&] {
    // What the worker has said is in the link by now: the proxy's end can read it.
    f.handover->link.read_now();
    acked_first = acked_first && f.handover_messages().back() == "mine 3";
  };
  const Descriptor one = f.give(1);
  const Descriptor two = f.give(2);
  const Descriptor three = f.give(3);
  f.turn();
  CHECK(f.server.accepted.size() == 3);
  CHECK(f.server.most_waiting == 2);
  CHECK(acked_first);
  CHECK(f.handover_messages() == std::vector<std::string>{"hello 77", "mine 3"});
  REQUIRE(::write(f.server.sockets[1].get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(two.get(), &byte, 1) == 1);
}

TEST_CASE("a refusal goes out before the Mine that passes it, and leaves the proxy's copy alone", "[hub][links]") {
  Fixture f;
  f.greet();
  f.server.refuse = [](const Accept& accept) { return accept.n == 2; };
  const Descriptor one = f.give(1);
  const Descriptor two = f.give(2);
  const Descriptor three = f.give(3);
  f.turn();
  CHECK(f.handover_messages() == std::vector<std::string>{"hello 77", "refused 2", "mine 3"});
  CHECK(f.server.accepted.size() == 2);
}

TEST_CASE("a refused socket is closed without shutdown", "[hub][links]") {
  Fixture f;
  f.greet();
  f.server.refuse = [](const Accept&) { return true; };
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Descriptor client(ends[0]);
  const Descriptor copy(ends[1]);  // as the proxy keeps it
  Accept accept;
  accept.epoch = kEpoch;
  accept.n = 1;
  f.handover->link.send(encode(accept), copy.get());
  f.turn();
  CHECK(f.handover_messages().back() == "refused 1");
  REQUIRE(::write(copy.get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(client.get(), &byte, 1) == 1);
}

TEST_CASE("Load says as of which socket it counts, and comes at most every 10 ms", "[hub][links]") {
  Fixture f;
  f.greet();
  f.wait_for([&] { return !f.control_messages<Load>().empty(); });
  CHECK(f.control_messages<Load>().back() == Load{kEpoch, 0, 0, 0});
  std::uint64_t active = 0;
  f.server.on_each = [&] { f.link->set_load(++active, 1); };
  const Descriptor one = f.give(1);
  const Descriptor two = f.give(2);
  f.wait_for([&] { return f.control_messages<Load>().back() == Load{kEpoch, 2, 2, 1}; });
  const std::size_t before = f.control_messages<Load>().size();
  const TimePoint start = f.loop.now();
  for (int i = 0; f.loop.now() - start < std::chrono::milliseconds(35); ++i) {
    f.link->set_load(static_cast<std::uint64_t>(100 + i), 0);
    f.loop.turn(false);
  }
  const TimePoint end = f.loop.now();
  CHECK(f.control_messages<Load>().size() - before <=
        static_cast<std::size_t>((end - start) / std::chrono::milliseconds(10)) + 1);
}

TEST_CASE("while the control link is full the newest Load and 4,096 closings are kept", "[hub][links]") {
  Fixture f;
  f.greet();
  f.wait_for([&] { return !f.control_messages<Load>().empty(); });
  // The proxy does not read: fill the link with Stats.
  Stats stats;
  for (int i = 0; i < 100; ++i) stats.series["series_" + std::to_string(i)] = i;
  const std::unique_ptr<ProxyEnd> away = std::move(f.control);
  const Descriptor kept(::fcntl(away->link.fd(), F_DUPFD_CLOEXEC, 0));
  away->link.close();
  for (int i = 0; i < 10'000; ++i) f.link->send_stats(stats);
  for (std::uint64_t n = 1; n <= 5000; ++n) f.link->closed(ClosedRecord{kEpoch, n, "normal"});
  CHECK(f.link->closed_dropped() == 5000 - hub::WorkerLink::kMaxClosedWaiting);
  f.link->set_load(5, 0);
  for (int i = 0; i < 5; ++i) f.loop.turn(false);
  f.link->set_load(6, 0);
  f.control = std::make_unique<ProxyEnd>(f.loop, Descriptor(::fcntl(kept.get(), F_DUPFD_CLOEXEC, 0)));
  f.wait_for([&] { return !f.control_messages<Load>().empty(); });
  const auto loads = f.control_messages<Load>();
  CHECK(loads == std::vector<Load>{Load{kEpoch, 0, 6, 0}});
  std::size_t records = 0;
  for (const Closed& closed : f.control_messages<Closed>()) records += closed.records.size();
  CHECK(records == hub::WorkerLink::kMaxClosedWaiting);
}

TEST_CASE("a proxy that comes back begins anew on the same links", "[hub][links]") {
  Fixture f;
  f.greet();
  const Descriptor one = f.give(1);
  const Descriptor two = f.give(2);
  f.turn();
  f.link->set_load(2, 0);
  f.wait_for([&] { return !f.control_messages<Load>().empty() && f.control_messages<Load>().back().active == 2; });
  // A last socket of the old proxy is in the link when the new one says Hello: it is served.
  const Descriptor last = f.give(3);
  f.greet(88);
  CHECK(f.server.accepted.size() == 3);
  CHECK(f.handover_messages().back() == "hello 88");
  f.wait_for([&] { return f.control_messages<Load>().back() == Load{88, 0, 2, 0}; });
  const Descriptor fresh = f.give(1, 88);
  f.turn();
  CHECK(f.handover_messages().back() == "mine 1");
  CHECK(f.server.accepted.size() == 4);
}

TEST_CASE("a Ping is answered, drains and closes are passed on", "[hub][links]") {
  Fixture f;
  f.greet();
  f.control->link.send(encode(Ping{}));
  f.control->link.send(encode(Drain{std::chrono::seconds(1), std::chrono::seconds(2), true}));
  f.control->link.send(encode(Undrain{}));
  f.control->link.send(encode(Close{3, 4}));
  f.turn();
  CHECK(f.control_messages<Pong>().size() == 1);
  REQUIRE(f.server.drains.size() == 1);
  CHECK(f.server.drains[0].exit);
  CHECK(f.server.undrains == 1);
  CHECK(f.server.closes.size() == 1);
}

TEST_CASE("the end of a link, and nonsense on one, mean that the gateway is lost, which is said once", "[hub][links]") {
  Fixture f;
  f.greet();
  SECTION("control ends") { f.control->link.close(); }
  SECTION("handover ends") { f.handover->link.close(); }
  SECTION("nonsense on control") { f.control->link.send("\xc1"); }
  SECTION("nonsense on handover") { f.handover->link.send("\x91\x05"); }
  SECTION("a number twice") {
    f.give(1);
    f.give(1);
  }
  SECTION("a socket of another proxy") { f.give(1, kEpoch + 1); }
  f.turn();
  CHECK(f.server.lost.size() == 1);
}

TEST_CASE("the links are found in the environment, once, and are not for our own children", "[hub][links]") {
  auto one = PacketLink::make_pair();
  auto two = PacketLink::make_pair();
  REQUIRE(one);
  REQUIRE(two);
  ::fcntl(one->second.get(), F_SETFD, 0);
  const std::string good =
      "control=" + std::to_string(one->second.get()) + ",handover=" + std::to_string(two->second.get());
  ::setenv("HUBGATE_LINKS", good.c_str(), 1);
  auto found = hub::WorkerLink::take_from_environment();
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK((*found)->control.get() == one->second.get());
  CHECK((::fcntl((*found)->control.get(), F_GETFD) & FD_CLOEXEC) != 0);
  one->second.release();  // owned by `found` now
  two->second.release();
  CHECK(::getenv("HUBGATE_LINKS") == nullptr);
  const auto none = hub::WorkerLink::take_from_environment();
  REQUIRE(none);
  CHECK_FALSE(none->has_value());
  for (const char* bad :
       {"control=3", "control=x,handover=4", "control=900,handover=901", "control=0,handover=0", "keeper="}) {
    ::setenv("HUBGATE_LINKS", bad, 1);
    CAPTURE(bad);
    CHECK_FALSE(hub::WorkerLink::take_from_environment());
  }
}
