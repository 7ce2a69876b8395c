#include "hub/connections/http_connection_manager.h"

#include <set>
#include <string>

#include "tests/hub/connections/manager_fixture.h"
#include "tests/support/catch.h"

namespace hubgate::hub {
namespace {

using test::ManagerFixture;
using namespace std::chrono_literals;

const Negotiation kVersion0{0, false};
const Negotiation kVersion1{1, false};
const std::string kTag = "AAECAwQFBgcICQoLDA0ODxAR";

TEST_CASE("ids and tokens have the characters and sizes that clients can paste", "[hub][connections]") {
  ManagerFixture fixture;
  const bool tagged = GENERATE(false, true);
  if (tagged) fixture.manager.set_token_tag(kTag);
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    HttpConnection& connection = fixture.manager.create(fixture.path, kVersion1);
    const std::string token = fixture.manager.token_of(connection);
    CHECK(connection.connection_id().size() == 22);
    CHECK(token.size() == (tagged ? 46U : 22U));
    CHECK(token.starts_with(tagged ? kTag : ""));
    CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          std::string::npos);
    CHECK(seen.insert(token).second);
    CHECK(seen.insert(std::string(connection.connection_id())).second);
  }
}

TEST_CASE("with version 0 id and token are one", "[hub][connections]") {
  ManagerFixture fixture;
  fixture.manager.set_token_tag(kTag);
  HttpConnection& connection = fixture.manager.create(fixture.path, kVersion0);
  CHECK(connection.connection_id() == fixture.manager.token_of(connection));
  CHECK(connection.connection_id().size() == 46);
  CHECK(fixture.manager.find(connection.connection_id(), fixture.path) == &connection);
}

TEST_CASE("a connection is found by its whole token on its own path only", "[hub][connections]") {
  ManagerFixture fixture;
  fixture.manager.set_token_tag(kTag);
  HttpConnection& connection = fixture.manager.create(fixture.path, kVersion1);
  const std::string token = fixture.manager.token_of(connection);
  CHECK(fixture.manager.find(token, fixture.path) == &connection);
  CHECK(fixture.manager.find(token, fixture.other_path) == nullptr);
  CHECK(fixture.manager.find(connection.connection_id(), fixture.path) == nullptr);
  CHECK(fixture.manager.find(token.substr(24), fixture.path) == nullptr);
  CHECK(fixture.manager.find("B" + token.substr(1), fixture.path) == nullptr);
  CHECK(fixture.manager.find(token + "x", fixture.path) == nullptr);
  CHECK(fixture.manager.find("", fixture.path) == nullptr);
  CHECK(fixture.manager.find("unknown", fixture.path) == nullptr);
}

TEST_CASE("tokens outlive a change of the tag", "[hub][connections]") {
  ManagerFixture fixture;
  fixture.manager.set_token_tag(kTag);
  HttpConnection& before = fixture.manager.create(fixture.path, kVersion1);
  const std::string token = fixture.manager.token_of(before);
  fixture.manager.set_token_tag("BAECAwQFBgcICQoLDA0ODxAR");
  CHECK(fixture.manager.find(token, fixture.path) == &before);
  CHECK(fixture.manager.token_of(fixture.manager.create(fixture.path, kVersion1)).starts_with("BAEC"));
}

TEST_CASE("a connection that nobody attaches to is forgotten after 15 seconds", "[hub][connections]") {
  ManagerFixture fixture;
  const std::string token = fixture.manager.token_of(fixture.manager.create(fixture.path, kVersion1));
  CHECK(fixture.manager.pending() == 1);
  fixture.timers.advance(15s);
  CHECK(fixture.manager.find(token, fixture.path) != nullptr);
  fixture.timers.advance(1s);
  CHECK(fixture.manager.find(token, fixture.path) == nullptr);
  CHECK(fixture.manager.is_empty());
  CHECK(fixture.closed.empty());
}

TEST_CASE("an attached connection counts as active until both sides have ended", "[hub][connections]") {
  ManagerFixture fixture;
  Descriptor client = fixture.open();
  CHECK(fixture.manager.active() == 1);
  CHECK(fixture.manager.pending() == 0);
  CHECK(fixture.acceptor.remote_address == "192.0.2.7:1234");
  test::Recorder& handler = fixture.acceptor.last();
  CHECK(handler.context->transport_type() == TransportType::kWebSockets);

  hubgate::test::write_all(client.get(), test::close_frame(1000));
  fixture.run();
  CHECK(handler.ends == std::vector<std::string>{"closed"});
  CHECK(fixture.manager.active() == 1);  // the hub has not finished
  handler.context->close_when_flushed();
  CHECK(handler.context != nullptr);
  fixture.run();
  CHECK(handler.context == nullptr);
  CHECK(fixture.acceptor.releases == 1);
  CHECK(fixture.manager.is_empty());
  CHECK(fixture.closed == std::vector<std::string>{"client_close by client 192.0.2.7:1234 r1 /chat 7/8"});
}

TEST_CASE("a connection that the hub ends is gone when the client has answered, or the time is up",
          "[hub][connections]") {
  ManagerFixture fixture;
  Descriptor polite = fixture.open();
  fixture.acceptor.last().context->close_when_flushed();
  Descriptor silent = fixture.open();
  fixture.acceptor.last().context->close_when_flushed();
  fixture.run();
  hubgate::test::write_all(polite.get(), test::close_frame(1000));
  fixture.run();
  CHECK(fixture.manager.active() == 1);
  fixture.timers.advance(6s);
  fixture.run();
  CHECK(fixture.manager.is_empty());
  CHECK(fixture.acceptor.releases == 2);
  CHECK(fixture.closed == std::vector<std::string>{"server_close by server 192.0.2.7:1234 r1 /chat 7/8",
                                                   "close_timeout by server 192.0.2.7:1234 r1 /chat 7/8"});
}

TEST_CASE("facts are dropped when asked, and when the connection ends", "[hub][connections]") {
  ManagerFixture fixture;
  Descriptor client = fixture.open();
  ConnectionContext& context = *fixture.acceptor.last().context;
  CHECK(context.facts().remote_address == "192.0.2.7:1234");
  context.drop_facts();
  CHECK(context.facts().remote_address.empty());
}

TEST_CASE("connections are asked to go in turn", "[hub][connections]") {
  ManagerFixture fixture;
  std::vector<Descriptor> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(fixture.open());
  CHECK(fixture.manager.shut_down(2) == 2);
  CHECK(fixture.manager.shut_down(1) == 1);
  for (const auto& recorder : fixture.acceptor.recorders) CHECK(recorder->shutdowns == 1);
  fixture.acceptor.recorders[1]->context->close_when_flushed();
  CHECK(fixture.manager.shut_down(10) == 2);
}

TEST_CASE("a stop forgets what was only negotiated, and cuts the rest", "[hub][connections]") {
  ManagerFixture fixture;
  Descriptor client = fixture.open();
  fixture.manager.create(fixture.path, kVersion1);
  fixture.manager.forget_pending();
  CHECK(fixture.manager.pending() == 0);
  fixture.manager.abort_all();
  fixture.run();
  CHECK(fixture.acceptor.last().ends.empty());
  CHECK(fixture.acceptor.last().cuts == 1);
  CHECK(fixture.manager.is_empty());
}

TEST_CASE("a handler that is still at work after its client has gone is cut, too", "[hub][connections]") {
  ManagerFixture fixture;
  Descriptor client = fixture.open();
  client.reset();
  fixture.run();
  CHECK(fixture.acceptor.last().ends == std::vector<std::string>{"lost"});
  CHECK(fixture.manager.active() == 1);
  fixture.manager.abort_all();
  fixture.run();
  CHECK(fixture.manager.is_empty());
}

TEST_CASE("facts stay while the call that ends the connection looks at them", "[hub][connections]") {
  ManagerFixture fixture;
  Descriptor client = fixture.open();
  ConnectionContext& context = *fixture.acceptor.last().context;
  const std::string_view seen = context.facts().remote_address;
  context.close_when_flushed();
  CHECK(seen == "192.0.2.7:1234");
  fixture.run();
  CHECK(context.facts().remote_address.empty());
}

TEST_CASE("a manager that ends releases every connection", "[hub][connections]") {
  test::RecordingAcceptor acceptor;
  event::Loop loop;
  hubgate::test::ManualTimers timers;
  SeededRandom random(1);
  hubgate::test::MemoryLog log;
  test::TransportFixture::Nobody nobody;
  hubgate::test::SocketPair sockets;
  {
    HttpConnectionManager manager(loop, timers, random, *log);
    const MappedPath& path = manager.map("/chat", acceptor);
    manager.create(path, kVersion1);
    manager.create_unlisted(path).attach(
        [&](Transport::Owner& owner) {
          return std::make_unique<WebSocketTransport>(
              std::make_unique<net::Connection>(loop, std::move(sockets.a), nobody), manager.options().transport,
              owner);
        },
        std::make_unique<RequestFacts>(), {});
  }
  CHECK(acceptor.releases == 1);
  loop.turn(false);
}

TEST_CASE("the log names the front's request, and shows slow clients without debug lines", "[hub][connections]") {
  ManagerFixture fixture;
  Descriptor client = fixture.open();
  CHECK(fixture.log.contains("\"connection opened\""));
  CHECK(fixture.log.contains("request=r1"));
  fixture.log->set_level(LogLevel::kInfo);
  ConnectionContext& context = *fixture.acceptor.last().context;
  fixture.acceptor.last().at_end = [&] { context.close_when_flushed(); };
  while (fixture.acceptor.last().ends.empty()) {
    context.write(Payload(std::string(900'000, 'x')));
    fixture.run();
  }
  client.reset();
  fixture.timers.advance(10s);
  fixture.run();
  CHECK(fixture.log.lines().back().find("reason=slow_consumer") != std::string::npos);
  CHECK(fixture.log.lines().back().find("request=r1") != std::string::npos);
  CHECK(fixture.closed == std::vector<std::string>{"slow_consumer by server 192.0.2.7:1234 r1 /chat 7/8"});
}

TEST_CASE("no token is ever logged", "[hub][connections]") {
  ManagerFixture fixture;
  fixture.manager.set_token_tag(kTag);
  const Negotiation negotiation = GENERATE(kVersion0, kVersion1);
  HttpConnection& connection = fixture.manager.create(fixture.path, negotiation);
  const std::string token = fixture.manager.token_of(connection);
  Descriptor client = fixture.attach(connection);
  fixture.acceptor.last().context->abort();
  fixture.run();
  CHECK(fixture.log.contains("connection closed"));
  // Enough is shown to find the lines of one connection.
  CHECK(fixture.log.contains(negotiation.is_version_0() ? "id=" + token.substr(24, 6) : "connection opened"));
  CHECK_FALSE(fixture.log.contains(token.substr(24, 7)));
}

}  // namespace
}  // namespace hubgate::hub
