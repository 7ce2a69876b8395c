#include "hub/connections/websocket_transport.h"

#include <cassert>
#include <utility>

#include "common/websocket/close_code.h"
#include "common/websocket/frame_writer.h"
#include "hub/protocol/serialized_hub_message.h"

namespace hubgate::hub {
namespace {

namespace close_code = websocket::close_code;

constexpr std::size_t kFrameForm = 0;  // our place in EncodedMessage::transport_forms

std::string_view describe_error(std::uint16_t code) {
  switch (code) {
    case close_code::kInvalidData:
      return "WebSocketException: The WebSocket received a text message with invalid UTF-8 bytes.";
    case close_code::kTooBig: return "WebSocketException: The WebSocket received a message that is too large.";
    default: return "WebSocketException: The WebSocket received an invalid frame.";
  }
}

}  // namespace

WebSocketTransport::WebSocketTransport(std::unique_ptr<net::Connection> connection, const TransportLimits& limits,
                                       Owner& owner)
    : connection_(std::move(connection)), limits_(limits), owner_(owner) {
  connection_->set_handler(*this);
}

WebSocketTransport::~WebSocketTransport() = default;

void WebSocketTransport::move_to(State next) {
  assert(state_ != State::kOver && next != State::kOpen);
  state_ = next;
  deadline_ = {};
  tail_.clear();
  if (next == State::kLeaving || next == State::kBreaking || next == State::kOver) owner_.attend_later();
}

bool WebSocketTransport::set_transfer_format(TransferFormat format) {
  format_ = format;
  return true;
}

void WebSocketTransport::write(const EncodedMessage& message) {
  if (!is_writing() || overflowed_) return;
  Payload& frame = message.transport_forms[kFrameForm];
  if (frame.empty()) frame = websocket::make_frame(opcode(), message.bytes.bytes());
  send(frame);
}

void WebSocketTransport::write(const Payload& bytes) {
  if (!is_writing() || overflowed_) return;
  send(websocket::make_frame(opcode(), bytes.bytes()));
}

void WebSocketTransport::send(Payload frame) {
  connection_->write(std::move(frame));
  ++frames_out_;
  if (state_ != State::kOpen || connection_->unsent() <= limits_.max_pending_bytes) return;
  // What was written in this turn has not been tried yet: only the next turn can tell a slow client from much output.
  // A client that is known to be blocked gets nothing more.
  overflowed_ = connection_->is_blocked();
  owner_.attend_later();
}

void WebSocketTransport::pause_reading() {
  paused_ = true;
  connection_->pause(net::Pause::kBusy);
}

void WebSocketTransport::resume_reading() {
  if (!paused_ || state_ == State::kOver) return;
  paused_ = false;
  connection_->resume(net::Pause::kBusy);
  if (tail_.empty()) return;
  tail_is_due_ = true;
  owner_.attend_later();
}

void WebSocketTransport::close_when_flushed(std::uint16_t websocket_code) {
  input_ended_ = true;
  if (!is_writing()) return;
  const bool was_slow = state_ == State::kEnding;
  connection_->write(websocket::make_close_frame(websocket_code));
  ++frames_out_;
  if (!was_slow) reason_ = ClosedReason::kServerClose;
  close_code_ = websocket_code;
  move_to(State::kClosing);
  paused_ = false;
  connection_->resume(net::Pause::kBusy);
  owner_.attend_later();  // starts the deadline
}

void WebSocketTransport::abort() {
  input_ended_ = true;
  if (state_ == State::kOver) return;
  if (state_ == State::kOpen) reason_ = ClosedReason::kAborted;
  connection_->reset();
  move_to(State::kOver);
}

void WebSocketTransport::attend(TimePoint now) {
  switch (state_) {
    case State::kOpen: {
      if (std::exchange(tail_is_due_, false) && !paused_) offer_tail();
      if (state_ != State::kOpen) return;
      const bool late = is_late(now);
      const bool full = connection_->unsent() > limits_.max_pending_bytes;
      if (full && !connection_->is_blocked()) return owner_.attend_later();  // not tried yet
      if (overflowed_ || late || full) return end_as_slow();
      return;
    }
    case State::kEnding: return;  // the owner is at work
    case State::kClosing:
    case State::kLeaving:
      if (state_ == State::kLeaving && connection_->fd() < 0) return move_to(State::kOver);
      if (deadline_ == TimePoint()) {
        deadline_ = now + limits_.close_timeout;
      } else if (now >= deadline_) {
        if (reason_ == ClosedReason::kServerClose) reason_ = ClosedReason::kCloseTimeout;
        connection_->reset();
        move_to(State::kOver);
      }
      return;
    case State::kBreaking: connection_->reset(); return move_to(State::kOver);
    case State::kOver: return;
  }
}

std::size_t WebSocketTransport::on_data(MutableBytes input) {
  std::size_t taken = 0;
  while (is_reading() && !paused_) {
    if (std::exchange(tail_is_due_, false)) {
      // What the owner left for later comes before any frame behind it: a Close must not overtake it.
      offer_tail();
      continue;
    }
    const websocket::FrameStep step = reader_.read(input.subspan(taken));
    taken += step.taken;
    switch (step.event) {
      case websocket::FrameEvent::kNeedMore: return taken;
      case websocket::FrameEvent::kData: receive(step); break;
      case websocket::FrameEvent::kControl: receive_control(step); break;
      case websocket::FrameEvent::kError: break_off(step.close_code, describe_error(step.close_code)); break;
    }
  }
  return is_reading() ? taken : input.size();  // paused: the rest waits in the connection
}

void WebSocketTransport::receive(const websocket::FrameStep& piece) {
  if (state_ != State::kOpen) return;  // after our Close nothing but the client's counts
  if (piece.opcode == websocket::Opcode::kText &&
      (!text_.feed(piece.payload) || (piece.message_ended && !text_.is_complete()))) {
    return break_off(close_code::kInvalidData, describe_error(close_code::kInvalidData));
  }
  if (piece.payload.empty()) return;
  if (!tail_.empty()) {
    tail_.append(piece.payload);
    return offer_tail();
  }
  const std::size_t taken = owner_.on_input(piece.payload);
  if (state_ == State::kOpen) tail_.append(piece.payload.subspan(taken));
}

void WebSocketTransport::offer_tail() {
  if (tail_.empty()) return;
  // In its own hands while the owner looks at it: a close in there drops the tail.
  InputTail shown = std::exchange(tail_, InputTail());
  const std::size_t taken = owner_.on_input(shown.bytes());
  if (state_ != State::kOpen) return;
  shown.take(taken);
  tail_ = std::move(shown);
}

// The input is about to end: what came before it is shown, also to an owner that had paused.
void WebSocketTransport::offer_rest() {
  if (!paused_ && !std::exchange(tail_is_due_, false)) return;
  offer_tail();
  // Frames behind the pause; without one the connection has shown all that it read.
  std::vector<std::byte> unread = connection_->take_unread();
  if (unread.empty()) return;
  const std::size_t size = unread.size();
  unread.resize(size + InputTail::kPadding);
  MutableBytes rest{unread.data(), size};
  while (state_ == State::kOpen) {
    const websocket::FrameStep step = reader_.read(rest);
    rest = rest.subspan(step.taken);
    // A Close or a broken frame is an end like the one that is coming.
    if (step.event == websocket::FrameEvent::kControl && step.opcode != websocket::Opcode::kClose) continue;
    if (step.event != websocket::FrameEvent::kData) return;
    receive(step);
  }
}

void WebSocketTransport::receive_control(const websocket::FrameStep& frame) {
  switch (frame.opcode) {
    case websocket::Opcode::kPing:
      if (state_ == State::kOpen && !overflowed_) {
        send(websocket::make_frame(websocket::Opcode::kPong, frame.payload));
      }
      return;
    case websocket::Opcode::kClose: return receive_close(frame.payload);
    default: return;
  }
}

void WebSocketTransport::receive_close(MutableBytes payload) {
  if (state_ == State::kClosing) {
    connection_->close_when_flushed();
    return move_to(State::kLeaving);
  }
  const websocket::ClosePayload close = websocket::read_close_payload(payload);
  if (!close.valid) return break_off(close.code, describe_error(close.code));
  // Whatever the client's code: clients and their tests look for 1000 in the answer.
  connection_->write(websocket::make_close_frame(close_code::kNormal));
  ++frames_out_;
  connection_->close_when_flushed();
  reason_ = ClosedReason::kClientClose;
  close_code_ = close.code;
  move_to(State::kLeaving);
  end_input(InputEnd::kClosed, {});
}

void WebSocketTransport::break_off(std::uint16_t code, std::string_view error) {
  if (state_ == State::kOpen) {
    reason_ = ClosedReason::kProtocolError;
    close_code_ = code;
    connection_->write(websocket::make_close_frame(code));
    ++frames_out_;
  }
  move_to(State::kBreaking);
  end_input(InputEnd::kProtocolError, error);
}

// A client that takes a byte now and then makes progress, and is as slow as one that takes none.
bool WebSocketTransport::is_late(TimePoint now) {
  constexpr Duration kBetweenMarks = std::chrono::milliseconds(500);
  if (connection_->unsent() == 0) {
    std::vector<Mark>().swap(marks_);
    return false;
  }
  std::erase_if(marks_, [left = connection_->bytes_out()](const Mark& mark) { return mark.end <= left; });
  if (marks_.empty() || now - marks_.back().when >= kBetweenMarks) {
    marks_.push_back({now, connection_->bytes_out() + connection_->unsent()});
  }
  return now - marks_.front().when > limits_.send_timeout;
}

void WebSocketTransport::end_as_slow() {
  offer_rest();
  if (state_ != State::kOpen) return;
  overflowed_ = false;  // the Close message may still be written
  reason_ = ClosedReason::kSlowConsumer;
  connection_->pause(net::Pause::kBusy);
  move_to(State::kEnding);
  end_input(InputEnd::kSlowConsumer, "The client did not take what was sent to it in time.");
}

void WebSocketTransport::end_input(InputEnd end, std::string_view error) {
  if (std::exchange(input_ended_, true)) return;
  owner_.on_input_end(end, error);
}

void WebSocketTransport::on_drained() {
  if (is_writing()) owner_.on_drained();
}

void WebSocketTransport::on_closed(net::CloseReason reason) {
  const bool was_open = state_ == State::kOpen;
  if (was_open) offer_rest();
  if (state_ == State::kOver) return;  // the owner has had enough
  if (was_open) reason_ = ClosedReason::kLost;
  move_to(State::kOver);
  const bool in_order = reason == net::CloseReason::kEnded;
  end_input(InputEnd::kLost, in_order ? "" : "ConnectionResetException: The client reset the connection.");
}

void WebSocketTransport::describe(ClosedRecord& record) const {
  record.reason = reason_;
  record.websocket_code = close_code_;
  record.bytes_in = connection_->bytes_in();
  record.bytes_out = connection_->bytes_out();
  record.frames_in = reader_.frames();
  record.frames_out = frames_out_;
}

}  // namespace hubgate::hub
