#pragma once

#include <fcntl.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/control/packet_link.h"
#include "common/control/worker_messages.h"
#include "tests/support/catch.h"

namespace hubgate::test {

/// A worker's ends of its two links, that says only what the test tells it to.
class ScriptedWorker {
 public:
  explicit ScriptedWorker(event::Loop& loop) : loop_(loop) {
    auto control = control::PacketLink::make_pair();
    auto handover = control::PacketLink::make_pair();
    REQUIRE(control);
    REQUIRE(handover);
    proxy_control_ = std::move(control->first);
    proxy_handover_ = std::move(handover->first);
    control_ = std::make_unique<End>(loop, std::move(control->second));
    handover_ = std::make_unique<End>(loop, std::move(handover->second));
  }

  /// The proxy's ends, once; and copies of them, as a supervisor keeps.
  Descriptor take_control() { return std::move(proxy_control_); }
  Descriptor take_handover() { return std::move(proxy_handover_); }
  Descriptor copy_of_control() const { return Descriptor(::fcntl(proxy_control_.get(), F_DUPFD_CLOEXEC, 0)); }
  Descriptor copy_of_handover() const { return Descriptor(::fcntl(proxy_handover_.get(), F_DUPFD_CLOEXEC, 0)); }

  template <class Message>
  void say(const Message& message) {
    REQUIRE(control_->link.send(encode(message)) == control::PacketLink::Sent::kSent);
  }
  template <class Message>
  void say_on_handover(const Message& message) {
    REQUIRE(handover_->link.send(encode(message)) == control::PacketLink::Sent::kSent);
  }
  /// Both Hellos, then Ready.
  void become_ready(std::uint64_t epoch, std::uint64_t max_connections = 0) {
    say(control::Hello{.epoch = epoch});
    say_on_handover(control::Hello{.epoch = epoch});
    say(control::Ready{epoch, "", false, max_connections, false});
  }
  /// As its process's end does.
  void die() {
    control_->link.close();
    handover_->link.close();
    sockets.clear();
  }
  void close_control() { control_->link.close(); }

  /// Whole turns, until nothing more is to be done at once.
  void turn() {
    for (int i = 0; i < 5; ++i) {
      loop_.turn(false);
      collect();
    }
  }

  std::vector<control::ControlToWorker> heard;
  std::vector<control::Accept> accepts;
  std::vector<Descriptor> sockets;  // of `accepts`

  template <class Message>
  std::size_t count() const {
    std::size_t found = 0;
    for (const auto& message : heard) found += std::holds_alternative<Message>(message) ? 1U : 0U;
    return found;
  }

 private:
  struct End final : control::PacketLink::Handler {
    End(event::Loop& loop, Descriptor socket) : link(loop, std::move(socket), *this) {}
    void on_packet(Bytes bytes, Descriptor descriptor, bool) override {
      messages.emplace_back(std::string(as_text(bytes)), std::move(descriptor));
    }
    void on_link_closed(std::string_view) override {}
    std::vector<std::pair<std::string, Descriptor>> messages;
    control::PacketLink link;
  };
  void collect() {
    for (auto& [bytes, descriptor] : std::exchange(control_->messages, {})) {
      auto message = control::decode_control_to_worker(as_bytes(bytes));
      REQUIRE(message);
      heard.push_back(*std::move(message));
    }
    for (auto& [bytes, descriptor] : std::exchange(handover_->messages, {})) {
      auto message = control::decode_handover_to_worker(as_bytes(bytes));
      REQUIRE(message);
      if (auto* accept = std::get_if<control::Accept>(&*message)) {
        accepts.push_back(std::move(*accept));
        sockets.push_back(std::move(descriptor));
      }
    }
  }

  event::Loop& loop_;
  Descriptor proxy_control_;
  Descriptor proxy_handover_;
  std::unique_ptr<End> control_;
  std::unique_ptr<End> handover_;
};

}  // namespace hubgate::test
