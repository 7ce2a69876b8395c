#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/websocket/close_code.h"
#include "common/websocket/frame_reader.h"
#include "common/websocket/frame_writer.h"
#include "hub/connections/websocket_transport.h"
#include "tests/support/manual_timers.h"
#include "tests/support/socket_pair.h"

namespace hubgate::hub::test {

inline constexpr websocket::Mask kMask{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};

inline std::string frame(websocket::Opcode opcode, std::string_view payload, bool fin = true) {
  return std::string(websocket::make_masked_frame(opcode, as_bytes(payload), kMask, fin).text());
}
inline std::string text_frame(std::string_view payload) { return frame(websocket::Opcode::kText, payload); }
inline std::string close_frame(std::uint16_t code) {
  return std::string(websocket::make_masked_close_frame(code, kMask).text());
}

/// What a server's bytes say to a client: "text:a|binary:b|pong:|close 1000".
inline std::string said(std::string stream) {
  websocket::FrameReader reader(websocket::Role::kClient);
  std::string all;
  std::string message;
  MutableBytes rest{reinterpret_cast<std::byte*>(stream.data()), stream.size()};
  for (;;) {
    const websocket::FrameStep step = reader.read(rest);
    rest = rest.subspan(step.taken);
    const std::string payload(as_text(step.payload));
    switch (step.event) {
      case websocket::FrameEvent::kNeedMore: return rest.empty() && reader.is_at_edge() ? all : all + "(cut)";
      case websocket::FrameEvent::kData:
        message += payload;
        if (!step.message_ended) break;
        all += (step.opcode == websocket::Opcode::kText ? "text:" : "binary:") + std::exchange(message, {}) + "|";
        break;
      case websocket::FrameEvent::kControl:
        if (step.opcode == websocket::Opcode::kClose) {
          return all + "close " + std::to_string(websocket::read_close_payload(step.payload).code);
        }
        all += (step.opcode == websocket::Opcode::kPing ? "ping:" : "pong:") + payload + "|";
        break;
      case websocket::FrameEvent::kError: return all + "(error " + std::to_string(step.close_code) + ")";
    }
  }
}

/// The receive queue of the peer of a reset socket may still be read; what comes behind it is the reset.
inline bool is_reset(int fd) {
  hubgate::test::read_available(fd);
  char byte;
  return ::recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
}

/// Plays the HttpConnection: writes down what it hears, and attends in the next turn.
struct TransportOwner final : Transport::Owner {
  std::size_t on_input(MutableBytes bytes) override {
    shown.emplace_back(as_text(bytes));
    const std::size_t taken = take ? take(as_text(bytes)) : bytes.size();
    input += as_text(bytes).substr(0, taken);
    return taken;
  }
  void on_input_end(InputEnd why, std::string_view text) override {
    ends.push_back(std::string(to_string(why)));
    error = text;
  }
  void on_drained() override { ++drained; }
  void attend_later() override { attend = true; }

  std::function<std::size_t(std::string_view)> take;
  std::vector<std::string> shown;
  std::string input;
  std::vector<std::string> ends;
  std::string error;
  int drained = 0;
  bool attend = false;
};

/// A WebSocketTransport over a socket pair whose other end is the client.
struct TransportFixture {
  explicit TransportFixture(TransportLimits given = {}) : limits(given) {
    sockets = std::make_unique<hubgate::test::SocketPair>();
    auto connection = std::make_unique<net::Connection>(loop, std::move(sockets->a), nobody);
    transport = std::make_unique<WebSocketTransport>(std::move(connection), limits, owner);
  }

  int client() const { return sockets->b.get(); }
  void send(std::string_view bytes) { hubgate::test::write_all(client(), bytes); }
  std::string receive() { return hubgate::test::read_available(client()); }
  std::string receive_said() { return said(receive()); }
  /// Turns until nothing is left to do.
  void run() {
    for (int i = 0; i < 6; ++i) {
      if (std::exchange(owner.attend, false)) transport->attend(timers.now());
      loop.turn(false);
    }
  }
  void heartbeat(Duration after = std::chrono::seconds(1)) {
    timers.advance(after);
    transport->attend(timers.now());
  }
  ClosedRecord record() const {
    ClosedRecord record;
    transport->describe(record);
    return record;
  }

  struct Nobody final : net::Connection::Handler {
    std::size_t on_data(MutableBytes) override { return 0; }
    void on_closed(net::CloseReason) override {}
  };

  event::Loop loop;
  hubgate::test::ManualTimers timers;
  TransportLimits limits;
  Nobody nobody;
  TransportOwner owner;
  std::unique_ptr<hubgate::test::SocketPair> sockets;
  std::unique_ptr<WebSocketTransport> transport;
};

}  // namespace hubgate::hub::test
