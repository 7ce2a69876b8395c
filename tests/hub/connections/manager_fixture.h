#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/connections/http_connection_manager.h"
#include "hub/connections/websocket_transport.h"
#include "tests/hub/connections/recording_acceptor.h"
#include "tests/hub/connections/transport_fixture.h"
#include "tests/support/memory_log.h"

namespace hubgate::hub::test {

/// A manager over manual time, whose connections are attached by hand.
struct ManagerFixture {
  ManagerFixture() {
    manager.set_on_closed([this](const ClosedRecord& record) {
      closed.push_back(std::string(to_string(record.reason)) + " by " + std::string(closed_by(record.reason)) + " " +
                       std::string(record.remote_address) + " " + std::string(record.request_id) + " " +
                       std::string(record.path) + " " + std::to_string(record.epoch) + "/" +
                       std::to_string(record.number));
    });
    manager.set_on_load_changed([this] { ++load_changes; });
  }

  /// Attaches a WebSocket and returns the client's end.
  Descriptor attach(HttpConnection& connection) {
    hubgate::test::SocketPair sockets;
    auto facts = std::make_unique<RequestFacts>();
    facts->remote_address = "192.0.2.7:1234";
    ConnectionOrigin origin;
    origin.request_id = "r1";
    origin.epoch = 7;
    origin.number = 8;
    connection.attach(
        [&](Transport::Owner& owner) {
          return std::make_unique<WebSocketTransport>(
              std::make_unique<net::Connection>(loop, std::move(sockets.a), nobody), manager.options().transport,
              owner);
        },
        std::move(facts), origin);
    return std::move(sockets.b);
  }
  Descriptor open() { return attach(manager.create(path, Negotiation{1, false})); }
  void run() {
    for (int i = 0; i < 6; ++i) loop.turn(false);
  }

  event::Loop loop;
  hubgate::test::ManualTimers timers;
  SeededRandom random{42};
  hubgate::test::MemoryLog log;
  TransportFixture::Nobody nobody;
  RecordingAcceptor acceptor;
  std::vector<std::string> closed;
  int load_changes = 0;
  HttpConnectionManager manager{loop, timers, random, *log};
  const MappedPath& path = manager.map("/chat", acceptor);
  const MappedPath& other_path = manager.map("/other/", acceptor);
};

}  // namespace hubgate::hub::test
