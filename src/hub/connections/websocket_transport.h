#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/net/connection.h"
#include "common/websocket/frame_reader.h"
#include "common/websocket/utf8_checker.h"
#include "hub/connections/input_tail.h"
#include "hub/connections/transport.h"

namespace hubgate::hub {

/// SignalR's WebSockets: takes a net::Connection over after its 101. Frames of either kind are a byte
/// stream in; each write is one frame out, made once for all receivers. Owns no buffers while it is idle.
class WebSocketTransport final : public Transport, private net::Connection::Handler {
 public:
  /// `connection` may hold unread bytes (sent early by the client) and unsent ones (the 101). `limits` must outlive
  /// this object.
  WebSocketTransport(std::unique_ptr<net::Connection> connection, const TransportLimits& limits, Owner& owner);
  ~WebSocketTransport() override;

  TransportType type() const override { return TransportType::kWebSockets; }
  bool set_transfer_format(TransferFormat format) override;
  void write(const EncodedMessage& message) override;
  void write(const Payload& bytes) override;
  std::size_t unsent() const override { return connection_->unsent(); }
  void pause_reading() override;
  void resume_reading() override;
  void close_when_flushed(std::uint16_t websocket_code) override;
  void abort() override;
  void attend(TimePoint now) override;
  bool is_over() const override { return state_ == State::kOver; }
  void describe(ClosedRecord& record) const override;

 private:
  enum class State : std::uint8_t {
    kOpen,      // both ways
    kEnding,    // input has ended (slow consumer): the owner may still write, nothing is read
    kClosing,   // our Close is out first: reading goes on until the client's
    kLeaving,   // all is said: the socket closes when the output has left, or at the deadline
    kBreaking,  // a Close for a broken rule is out: RST when it has left
    kOver,
  };
  void move_to(State next);

  // net::Connection::Handler
  std::size_t on_data(MutableBytes input) override;
  void on_drained() override;
  void on_closed(net::CloseReason reason) override;

  void send(Payload frame);
  void receive(const websocket::FrameStep& piece);
  void receive_control(const websocket::FrameStep& frame);
  void receive_close(MutableBytes payload);
  void offer_tail();
  void offer_rest();
  void break_off(std::uint16_t code, std::string_view error);
  bool is_late(TimePoint now);
  void end_as_slow();
  void end_input(InputEnd end, std::string_view error);
  bool is_reading() const { return state_ == State::kOpen || state_ == State::kClosing; }
  bool is_writing() const { return state_ == State::kOpen || state_ == State::kEnding; }
  websocket::Opcode opcode() const {
    return format_ == TransferFormat::kText ? websocket::Opcode::kText : websocket::Opcode::kBinary;
  }

  std::unique_ptr<net::Connection> connection_;
  const TransportLimits& limits_;
  Owner& owner_;
  websocket::FrameReader reader_{websocket::Role::kServer};
  InputTail tail_;  // unmasked input that the owner has not taken
  /// All that was written up to some time: it must have left within the send timeout.
  struct Mark {
    TimePoint when;
    std::uint64_t end;  // of the socket's bytes
  };
  std::vector<Mark> marks_;  // one a heartbeat, and only while output waits
  std::uint64_t frames_out_ = 0;
  TimePoint deadline_{};          // of kClosing, kLeaving; set by the first attend() there
  std::uint16_t close_code_ = 0;  // of the Close frame that came first
  websocket::Utf8Checker text_;
  ClosedReason reason_ = ClosedReason::kAborted;
  State state_ = State::kOpen;
  TransferFormat format_ = TransferFormat::kText;
  bool paused_ = false;
  bool tail_is_due_ = false;  // the tail is to be shown by attend()
  bool input_ended_ = false;  // the owner has heard it, or has closed
  bool overflowed_ = false;   // too much was unsent when more came: nothing more is taken until the owner hears it
};

}  // namespace hubgate::hub
