#pragma once

#include <cstdint>
#include <string_view>

namespace hubgate::http {

/// How far one side of an exchange is.
enum class SideState : std::uint8_t {
  kIdle,      // has sent nothing of its message
  kSending,   // its head is sent, its body under way
  kDone,      // its message is complete
  kSwitched,  // the connection speaks another protocol
  kClosed,    // will send no more
};
std::string_view to_string(SideState state) noexcept;

/// What can happen on a connection.
enum class ExchangeEvent : std::uint8_t {
  kRequestHead,
  kRequestEnd,
  kRefusal,       // the request cannot be understood: no more of it is read, an answer may follow
  kInterim,       // a 1xx response but 101
  kSwitch,        // a 101
  kResponseHead,  // of a final response
  kResponseEnd,
  kNext,  // the connection goes on to another exchange
  kClose,
};

/// Who may send what on one HTTP/1.1 connection: one table that both the server's and the client's class go by. A
/// value; knows no bytes.
class Http1State {
 public:
  /// Whether `event` may happen now.
  bool allows(ExchangeEvent event) const noexcept;
  /// Makes it happen; false, and nothing changes, when it is not allowed.
  [[nodiscard]] bool move(ExchangeEvent event) noexcept;

  /// No other exchange after this one: said by either side, by a limit, or by a body that only the end can end.
  void forbid_next() noexcept { may_continue_ = false; }
  bool may_continue() const noexcept { return may_continue_; }
  /// The request offers another protocol; only then kSwitch is allowed. Forgotten with kNext.
  void offer_switch() noexcept { switch_offered_ = true; }

  SideState requester() const noexcept { return requester_; }
  SideState responder() const noexcept { return responder_; }
  bool is_idle() const noexcept { return requester_ == SideState::kIdle && responder_ == SideState::kIdle; }
  /// Both messages are complete.
  bool is_complete() const noexcept { return requester_ == SideState::kDone && responder_ == SideState::kDone; }
  bool is_closed() const noexcept { return requester_ == SideState::kClosed && responder_ == SideState::kClosed; }

 private:
  SideState requester_ = SideState::kIdle;
  SideState responder_ = SideState::kIdle;
  bool may_continue_ = true;
  bool switch_offered_ = false;
};

}  // namespace hubgate::http
