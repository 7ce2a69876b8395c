#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/event/loop.h"
#include "common/event/timer.h"
#include "common/net/connection.h"
#include "common/net/listener.h"

namespace hubgate::test {

/// A port that passes bytes on to another address, in the loop of the test, and is a bad network when told to: it holds
/// everything without a word, is slow, breaks with RST, or takes nothing more from the server.
class Relay {
 public:
  Relay(event::Loop& loop, const net::Address& upstream)
      : loop_(loop), upstream_(upstream), step_(loop, [this] { step(); }) {
    auto socket = net::open_listening_socket(net::Address::parse("127.0.0.1:0").value());
    if (!socket) throw std::runtime_error(socket.error().what);
    listener_.emplace(loop, *std::move(socket),
                      [this](Descriptor client, const net::Address&) { accept(std::move(client)); });
  }
  ~Relay() {
    for (auto& pair : pairs_) pair->close();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const { return listener_->address().port(); }

  /// Half-open: both sides stay connected, new ones too, and no byte and no end passes. Released, links of before stay
  /// as they are, as after a network that forgot them; new ones work.
  void hold(bool held) {
    held_ = held;
    if (!held) return;
    for (auto& pair : pairs_) {
      pair->forgotten = true;
      pair->client.pause(net::Pause::kHeld);
      pair->server.pause(net::Pause::kHeld);
    }
  }
  /// Nothing is taken from the server for links that have sent this word.
  void stop_reading(std::string_view word, bool stopped) {
    for (auto& pair : pairs_) {
      if (pair->seen.find(word) == std::string::npos) continue;
      stopped ? pair->server.pause(net::Pause::kHeld) : pair->server.resume(net::Pause::kHeld);
    }
  }
  /// At most so many bytes a millisecond, each way; 0: as fast as it can.
  void slow_down(std::size_t bytes) {
    rate_ = bytes;
    step_.start(std::chrono::milliseconds(1));
  }
  /// RST to both sides.
  void reset_all() {
    for (auto& pair : pairs_) {
      pair->client.reset();
      pair->server.reset();
      loop_.dispose_value(std::move(pair));
    }
    pairs_.clear();
  }

 private:
  struct Pair {
    struct Side final : net::Connection::Handler {
      Side(Pair& of, bool is_client) : pair(of), client(is_client) {}
      std::size_t on_data(MutableBytes input) override {
        pair.take(*this, as_text(input));
        return input.size();
      }
      void on_closed(net::CloseReason) override { pair.lost(client); }
      Pair& pair;
      bool client;
      std::string waiting;  // to the other side, while the relay is slow
    };

    Pair(Relay& owner, Descriptor from, Descriptor to)
        : relay(owner),
          client(owner.loop_, std::move(from), client_side),
          server(owner.loop_, std::move(to), server_side) {}
    void take(Side& side, std::string_view bytes) {
      if (side.client && seen.size() < 4096) seen += bytes;
      side.waiting += bytes;
      if (relay.rate_ == 0) pass(side, side.waiting.size());
    }
    void pass(Side& side, std::size_t most) {
      const std::size_t size = std::min(most, side.waiting.size());
      if (size == 0) return;
      (side.client ? server : client).write(std::string_view(side.waiting).substr(0, size));
      side.waiting.erase(0, size);
    }
    void lost(bool from_client) {
      if (!forgotten) (from_client ? server : client).close_when_flushed();
    }
    void close() {
      client.close();
      server.close();
    }

    Relay& relay;
    Side client_side{*this, true};
    Side server_side{*this, false};
    net::Connection client;
    net::Connection server;
    std::string seen;  // the first bytes of the client
    bool forgotten = false;
  };

  void accept(Descriptor client) {
    Descriptor server(::socket(upstream_.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(server.get(), upstream_.get(), upstream_.length()) != 0) return;
    ::fcntl(server.get(), F_SETFL, O_NONBLOCK);
    pairs_.push_back(std::make_unique<Pair>(*this, std::move(client), std::move(server)));
    if (held_) hold(true);
  }
  void step() {
    if (rate_ == 0) return;
    for (auto& pair : pairs_) {
      pair->pass(pair->client_side, rate_);
      pair->pass(pair->server_side, rate_);
    }
    step_.start(std::chrono::milliseconds(1));
  }

  event::Loop& loop_;
  const net::Address upstream_;
  std::optional<net::Listener> listener_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  event::Timer step_;
  std::size_t rate_ = 0;
  bool held_ = false;
};

}  // namespace hubgate::test
